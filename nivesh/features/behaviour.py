"""How far a transaction departs from its user's own past: one fold for the training frame and the online row.

A profile is a JSON-able summary of a user's past, of bounded size, as a feature store keeps it. ``score_row`` reads
the profile and a transaction and gives features; ``update`` gives the profile after the transaction. ``fold`` does
both over a frame, with the same code, so that both give the same numbers.

Most features are *surprises* in nats: minus the logarithm of how often this user's own past showed such a thing, or a
stronger one. Nothing is known about merchants, categories or cities by name, so that the features mean the same for
other people, other countries and other files; and a short past cannot give a large surprise.
"""

import copy
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nivesh.features.running_stats import AMOUNT, FIRST, GAP, LAST, TOP, N, learn, rate, record, settle, spread
from nivesh.features.surprisal import (
    BURSTS,
    DAY,
    GAPS,
    HOUR,
    LEVELS,
    level,
    more,
    once_more,
    rank,
    rare,
    step,
    too_soon,
)  # fmt: skip
from nivesh.features.transaction import Moment, keyed, moment

# Bounds of a profile: the rows of the last day, the cities of the last rows, the merchants, and the
# categories (as many cities and accounts) that were seen last.
MAX_RECENT, MAX_PLACES, MAX_MERCHANTS, MAX_CATEGORIES = 100, 10, 600, 200
WINDOWS = (600, HOUR, DAY)
MOST = 30.0

SURPRISES = (
    "amount_user", "amount_category", "amount_merchant", "rank_user", "over_merchant", "record_user",
    "record_category", "record_merchant", "merchant_new", "category_new", "category_rare", "account_new", "city_new",
    "city_unseen", "haste", "hour", "weekday", "burst_10m", "burst_1h", "burst_24h", "burst_new", "burst_same", "repeat", "too_soon", "drain_1h", "drain_24h", "drain_new", "small",
)  # fmt: skip
FACTS = (
    "history", "times_category", "times_merchant", "times_user", "count_10m", "count_1h", "count_24h", "count_new",
    "count_same", "visits_category", "visits_merchant", "visits_city", "minutes_repeat", "minutes_city", "times_drain",
)  # fmt: skip
FEATURES = SURPRISES + FACTS


def profile() -> dict[str, Any]:
    """The profile of a user without a past."""
    return {
        "rows": 0, "last": 0, "last_city": "", "new": [0.0, 0.0, 0.0], "amounts": {}, "categories": {},
        "merchants": {}, "accounts": {}, "cities": {}, "levels": {}, "hours": {}, "weekdays": {},
        "recent": [], "places": [], "counts": [[] for _ in BURSTS], "repeats": [0] * len(GAPS), "gaps": [0] * len(GAPS), "sums": [[], [], []],
    }  # fmt: skip


def score_row(past: dict[str, Any], transaction: dict[str, Any]) -> dict[str, float]:
    """The features of a transaction against the profile of what came before it; see ``FEATURES``."""
    values, _ = _measure(past, moment(transaction))
    return dict(zip(FEATURES, values, strict=True))


def update(past: dict[str, Any], transaction: dict[str, Any]) -> dict[str, Any]:
    """The profile after a transaction; the given one stays as it is."""
    after = copy.deepcopy(past)
    now = moment(transaction)
    _advance(after, now, _measure(after, now)[1])
    return after


def online_features(transactions: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The profile of every user after these transactions, by user id, as the anomaly detector's requests need it."""
    return fold(transactions.sort_values("timestamp", kind="stable"))[1]


def fold(frame: pd.DataFrame) -> tuple[np.ndarray, dict[str, dict[str, Any]]]:
    """Features of every row from the rows of its user before it, and every user's profile after the last row.

    Args:
        frame: checked transactions, in the order of time.

    Returns:
        An array (rows, FEATURES), in the order of ``frame``, and {user_id: profile}.
    """
    profiles: dict[str, dict[str, Any]] = {}
    values = np.empty((len(frame), len(FEATURES)))
    seconds = (frame["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)).tolist()
    names = [frame[name].tolist() for name in ("direction", "category", "merchant", "account", "city")]
    users, amounts = frame["user_id"].tolist(), frame["amount"].tolist()
    for row, (user, *facts) in enumerate(zip(users, seconds, amounts, *names, strict=True)):
        past = profiles.get(user)
        if past is None:
            past = profiles[user] = profile()
        now = keyed(*facts)
        measured, seen = _measure(past, now)
        _advance(past, now, seen)
        values[row] = measured
    return values, profiles


class Seen(NamedTuple):
    """What ``_measure`` found out that ``_advance`` needs again."""

    new: tuple[bool, bool, bool]
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    repeat: int | None
    gap: int | None
    spreads: tuple[float, float, float]


def _measure(past: dict[str, Any], now: Moment) -> tuple[list[float], Seen]:
    n, time, x = past["rows"], now.time, now.amount
    user = past["amounts"].get(now.sign)
    category, merchant = past["categories"].get(now.category), past["merchants"].get(now.merchant)
    city = past["cities"].get(now.city)

    at_user = settle(user, x, None)
    at_category = settle(category, *at_user)
    at_merchant = settle(merchant, *at_category)
    caution = math.sqrt(n / (n + 4.0))
    amounts = [caution * (x - mean) / sd for mean, sd in (at_user, at_category, at_merchant)]
    spreads = (at_user[1], at_category[1], at_merchant[1])
    entries = (user, category, merchant)
    records = [record(entry, x, sd) for entry, sd in zip(entries, spreads, strict=True)]

    unknown = tuple(entry is None or entry[FIRST] > time - DAY for entry in (merchant, category, city))
    often = rate(past["new"][0], n, 300, 1.0, 0.5)
    if category is not None:
        often = rate(category[GAP], category[N], 100, 4.0, often)
    merchant_new = -math.log(often) if unknown[0] else 0.0
    category_new = -math.log(rate(past["new"][1], n, 300, 1.0, 0.5)) if unknown[1] else 0.0
    over = 2 * (x - merchant[TOP]) if merchant and merchant[N] > 2 else 0.0
    unseen = -math.log(rate(past["new"][2], n, 1000, 1.0, 0.5)) if now.city and past["places"] and not city else 0.0
    category_rare = -math.log(category[N] / (n + 1)) if category else category_new
    accounts = past["accounts"].get(now.account, 0) + 0.5
    account_new = -math.log(min(1.0, accounts / (n + 0.5))) if now.account else 0.0
    city_new, haste, gap = _place(past, now, city)

    counts, sums, repeat = _window(past, now, unknown[0])
    bursts = [more(*burst, n) for burst in zip(past["counts"], counts, BURSTS, strict=True)]
    drains = [record(entry, total, 0.8) for entry, total in zip(past["sums"], sums, strict=True)]
    repeated = 0.0
    if repeat is not None:
        repeated = once_more(past["repeats"], repeat, n)
    values = [
        *amounts, rank(past["levels"].get(now.sign), x), over, *records,
        merchant_new, category_new, category_rare, account_new, city_new, unseen, haste,
        rare(past["hours"], now, time % DAY // HOUR, n), rare(past["weekdays"], now, time // DAY % 7, n),
        *bursts, repeated, too_soon(merchant, now), *drains, max(0.0, -amounts[0]) if unknown[0] else 0.0,
    ]  # fmt: skip
    values = [min(max(value, 0.0), MOST) for value in values]
    means = (at_category[0] if category else x, at_merchant[0] if merchant else x, at_user[0])
    facts = [
        float(n), *(math.exp(min(x - mean, 20.0)) for mean in means), *map(float, counts),
        *(float(entry[N]) if entry else 0.0 for entry in (category, merchant, city)),
        -1.0 if repeat is None else repeat / 60, gap / 60 if gap is not None and haste > 0 else -1.0,
        math.exp(min(max(sums[0], sums[1]) - at_user[0], 20.0)) if counts[2] > 1 else 1.0,
    ]  # fmt: skip
    return values + facts, Seen(unknown, counts, sums, repeat, gap, spreads)


def _place(past: dict, now: Moment, city: list | None) -> tuple[float, float, int | None]:
    """Surprise about the city, surprise about how fast it was reached, and seconds since the row before."""
    n, places = past["rows"], past["places"]
    gap = max(now.time - past["last"], 0) if n else None
    if not now.city or not places:
        return 0.0, 0.0, gap
    usual = city[N] / (n + 1) if city else 0.0
    expected = max(usual, rate(past["new"][2], n, 1000, 1.0, 0.5))
    share = 0.5 * expected + 0.5 * places.count(now.city) / len(places)
    if now.city == past["last_city"] or usual > 0.02 or gap >= DAY:
        return -math.log(share), 0.0, gap
    return -math.log(share), -math.log((past["gaps"][step(gap)] + 1.0) / (n + 2.0)), gap


def _window(past: dict, now: Moment, new: bool) -> tuple[tuple[int, ...], tuple[float, ...], int | None]:
    """Counts of payments, logarithms of sums, and seconds since the same payment.

    Counts: in 10 minutes, an hour, a day, at new merchants in an hour, at this merchant in an hour. Sums: of an hour,
    of a day, at new merchants in a day; minus infinity where there is one payment only.
    """
    time, counts, fresh, same = now.time, [1, 1, 1], 1 if new else 0, 1
    money = math.exp(now.amount)
    hour = day = novel = money
    novels, repeat = fresh, None
    for when, amount, sign, merchant, was_new in reversed(past["recent"]):
        ago = time - when
        if ago > DAY:
            break
        if ago < 0 or sign != now.sign:
            continue
        value = math.exp(amount)
        counts[2] += 1
        day += value
        if ago <= HOUR:
            counts[1] += 1
            hour += value
            counts[0] += ago <= WINDOWS[0]
        if was_new:
            novel += value
            novels += 1
            fresh += ago <= HOUR
        if merchant == now.merchant and ago <= HOUR:
            same += 1
        if repeat is None and merchant == now.merchant and abs(value - money) < 0.005:
            repeat = ago
    single = -math.inf
    sums = (
        math.log(hour) if counts[1] > 1 else single,
        math.log(day) if counts[2] > 1 else single,
        math.log(novel) if new and novels > 1 else single,
    )
    return (*counts, fresh if new else 0, same), sums, repeat


def _advance(past: dict[str, Any], now: Moment, seen: Seen) -> None:
    n, time, x = past["rows"], now.time, now.amount
    past["amounts"][now.sign] = learn(past["amounts"].get(now.sign), x, seen.spreads[0], time)
    category = past["categories"][now.category] = learn(past["categories"].get(now.category), x, seen.spreads[1], time)
    category[GAP] += (seen.new[0] - category[GAP]) / min(category[N], 100)
    before = past["merchants"].get(now.merchant)
    merchant = past["merchants"][now.merchant] = learn(before, x, seen.spreads[2], time, gaps=True)
    merchant[AMOUNT] = x
    _forget(past["merchants"], LAST, MAX_MERCHANTS)
    for name in _forget(past["categories"], LAST, MAX_CATEGORIES):
        del past["hours"][name], past["weekdays"][name]
    if now.account and len(past["accounts"]) < MAX_CATEGORIES:
        past["accounts"][now.account] = past["accounts"].get(now.account, 0) + 1
    if now.city:
        city = past["cities"].setdefault(now.city, [0, 0.0, 0.0, 0.0, time])
        city[N] += 1
        _forget(past["cities"], FIRST, MAX_CATEGORIES)
        past["places"] = (past["places"] + [now.city])[-MAX_PLACES:]
        past["last_city"] = now.city
    for place, memory in enumerate((300, 300, 1000)):
        past["new"][place] += (seen.new[place] - past["new"][place]) / min(n + 1, memory)
    for table, size, at in (("hours", 24, time % DAY // HOUR), ("weekdays", 7, time // DAY % 7)):
        for key in (now.sign, now.category):
            past[table].setdefault(key, [0] * size)[at] += 1
    past["levels"].setdefault(now.sign, [0] * LEVELS)[level(x)] += 1
    for tail, count in zip(past["counts"], seen.counts, strict=True):
        count = min(count, 50)
        tail.extend([0] * (count - len(tail)))
        for place in range(count):
            tail[place] += 1
    for total, gap in (("repeats", seen.repeat), ("gaps", seen.gap)):
        if gap is not None and gap <= DAY:
            for place in range(step(gap), len(GAPS)):
                past[total][place] += 1
    for place, total in enumerate(seen.sums):
        if total > -math.inf:
            past["sums"][place] = learn(past["sums"][place] or None, total, spread(past["sums"][place]), time)
    recent = [row for row in past["recent"] if row[0] >= time - DAY]
    past["recent"] = [*recent, [time, x, now.sign, now.merchant, seen.new[0]]][-MAX_RECENT:]
    past["rows"], past["last"] = n + 1, max(time, past["last"])


def _forget(table: dict[str, list], by: int, most: int) -> list[str]:
    """Drop the oldest tenth of a table that has grown too long; returns the dropped names."""
    if len(table) <= most:
        return []
    oldest = sorted(table, key=lambda name: table[name][by])[: most // 10]
    for name in oldest:
        del table[name]
    return oldest
