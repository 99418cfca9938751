"""The features of one transaction: how far it departs from its user's own past.

Nothing is known about merchants, categories or cities by name, so that the features mean the same for other people,
other countries and other files; a short past cannot give a large surprisal.
"""

import math

import numpy as np

from nivesh.features.profile import NEW_MEMORY, NEW_MERCHANT_MEMORY, Observation, Profile, recurrence_of, stats_of
from nivesh.features.running_stats import record_surprisal, shrunk_mean_sd, shrunk_rate
from nivesh.features.surprisal import (
    BURST_PRIORS,
    DAY,
    HOUR,
    amount_tail,
    count_surprisal,
    gap_bucket,
    recurrence_z,
    repeat_surprisal,
    time_of_day_surprisal,
    weekday_surprisal,
)
from nivesh.features.transaction import ParsedTransaction

MAX_SURPRISAL = 30.0
MAX_LOG_RATIO = 20.0
OUTFLOW_SD = 0.8  # standard deviation of the logarithm of an outflow, by which a record is measured
TEN_MINUTES = 600

SURPRISALS = {
    "amount_user": "amount above the user's mean log-amount, in standard deviations",
    "amount_category": "the same within the category",
    "amount_merchant": "the same at the merchant",
    "amount_tail": "nats: share of the user's payments that were as large",
    "above_max_merchant": "twice the logarithm of the amount over the merchant's largest so far",
    "record_user": "nats: larger than every payment before",
    "record_category": "the same within the category",
    "record_merchant": "the same at the merchant",
    "merchant_new": "nats: first payment to the merchant, given how often this category meets new merchants",
    "category_new": "nats: first payment in the category",
    "category_rare": "nats: share of the category",
    "account_new": "nats: share of the account",
    "city_new": "nats: share of the city, of the past and of the last rows",
    "city_unseen": "nats: first payment in the city",
    "impossible_travel": "nats: another city so soon after the payment before",
    "hour": "nats: hour of the day",
    "weekday": "nats: day of the week",
    "burst_10m": "nats: payments within 10 minutes",
    "burst_1h": "nats: payments within an hour",
    "burst_24h": "nats: payments within a day",
    "burst_new_merchants": "nats: payments to new merchants within an hour",
    "burst_same_merchant": "nats: payments to this merchant within an hour",
    "repeat_payment": "nats: the same amount at the same merchant so soon",
    "early_recurrence": "standard deviations by which a regular payment comes too soon",
    "outflow_1h": "nats: the sum of an hour is a record",
    "outflow_24h": "nats: the sum of a day is a record",
    "outflow_new": "nats: the sum of a day at new merchants is a record",
    "small_at_new_merchant": "standard deviations below the user's mean log-amount, at a new merchant",
}
CONTEXT = {
    "history": "rows before this one",
    "ratio_category": "amount over the category's typical amount",
    "ratio_merchant": "amount over the merchant's typical amount",
    "ratio_user": "amount over the user's typical amount",
    "count_10m": "payments within 10 minutes, this one included",
    "count_1h": "payments within an hour",
    "count_24h": "payments within a day",
    "count_new_merchants": "payments to new merchants within an hour",
    "count_same_merchant": "payments to this merchant within an hour",
    "visits_category": "earlier payments in the category",
    "visits_merchant": "earlier payments to the merchant",
    "visits_city": "earlier payments in the city",
    "minutes_since_repeat": "minutes since the same payment, -1 for none within a day",
    "minutes_since_city": "minutes since the payment in another city, -1 where impossible_travel is 0",
    "ratio_outflow": "the largest sum of an hour or a day over the user's typical amount",
}
FEATURES = (*SURPRISALS, *CONTEXT)


def clipped(values: np.ndarray) -> np.ndarray:
    """Surprisals within 0 and ``MAX_SURPRISAL``, in place."""
    surprisals = values[:, : len(SURPRISALS)]
    np.clip(surprisals, 0.0, MAX_SURPRISAL, out=surprisals)
    return values


def measure(past: Profile, now: ParsedTransaction) -> tuple[list[float], Observation]:
    """A transaction against a profile of what came before it.

    Returns:
        The values of ``FEATURES``, surprisals not clipped yet, and what ``advance`` needs again.
    """
    n, time, x = past.rows, now.event_time, now.log_amount
    category_entry, merchant_entry = past.categories.get(now.category), past.merchants.get(now.merchant)
    user, category = stats_of(past.amounts.get(now.sign)), stats_of(category_entry)
    merchant, city = stats_of(merchant_entry), past.cities.get(now.city)

    at_user = shrunk_mean_sd(user, x, None)
    at_category = shrunk_mean_sd(category, *at_user)
    at_merchant = shrunk_mean_sd(merchant, *at_category)
    sds = (at_user[1], at_category[1], at_merchant[1])
    confidence = math.sqrt(n / (n + 4.0))  # of a z-score against few rows
    amounts = [confidence * (x - mean) / sd for mean, sd in (at_user, at_category, at_merchant)]
    above_max = 2 * (x - merchant.maximum) if merchant and merchant.n > 2 else 0.0

    yesterday = time - DAY
    merchant_is_new = merchant is None or merchant.first_time > yesterday
    category_is_new = category is None or category.first_time > yesterday
    new_rate, new_category_rate, new_city_rate = (
        shrunk_rate(share, n, memory, 1.0, 0.5) for share, memory in zip(past.new_shares, NEW_MEMORY, strict=True)
    )
    if category_entry:
        new_rate = shrunk_rate(category_entry[6], category_entry[0], NEW_MERCHANT_MEMORY, 4.0, new_rate)
    category_new = -math.log(new_category_rate) if category_is_new else 0.0
    category_rare = -math.log(category.n / (n + 1)) if category else category_new
    city_unseen = -math.log(new_city_rate) if now.city and past.recent_cities and not city else 0.0
    account_share = (past.accounts.get(now.account, 0) + 0.5) / (n + 0.5)
    account_new = -math.log(min(1.0, account_share)) if now.account else 0.0
    city_new, impossible_travel, gap = _travel(past, now, city, new_city_rate)

    rupees = math.exp(x)
    counts, sums, repeat = _windows(past, now, rupees, merchant_is_new)
    hour = weekday = 0.0
    if n:
        at, day = time % DAY // HOUR, time // DAY % 7
        hour = time_of_day_surprisal(past.hours.get(now.sign), past.hours.get(now.category), at)
        weekday = weekday_surprisal(past.weekdays.get(now.sign), past.weekdays.get(now.category), day)
    values = [
        *amounts,
        amount_tail(past.histograms.get(now.sign), x),
        above_max,
        record_surprisal(user, x, sds[0]),
        record_surprisal(category, x, sds[1]),
        record_surprisal(merchant, x, sds[2]),
        -math.log(new_rate) if merchant_is_new else 0.0,
        category_new,
        category_rare,
        account_new,
        city_new,
        city_unseen,
        impossible_travel,
        hour,
        weekday,
        *[count_surprisal(*burst, n) for burst in zip(past.bursts, counts, BURST_PRIORS, strict=True)],
        0.0 if repeat is None else repeat_surprisal(past.repeats, repeat, n),
        recurrence_z(merchant, recurrence_of(merchant_entry), x, time),
        *[record_surprisal(stats_of(o), s, OUTFLOW_SD) for o, s in zip(past.outflows, sums, strict=True)],
        -amounts[0] if merchant_is_new else 0.0,
        float(n),
        _ratio(x, at_category[0]) if category else 1.0,
        _ratio(x, at_merchant[0]) if merchant else 1.0,
        _ratio(x, at_user[0]),
        *counts,
        category.n if category else 0.0,
        merchant.n if merchant else 0.0,
        city[0] if city else 0.0,
        -1.0 if repeat is None else repeat / 60,
        gap / 60 if gap is not None and impossible_travel > 0 else -1.0,
        _ratio(max(sums[0], sums[1]), at_user[0]) if counts[2] > 1 else 1.0,
    ]
    new = (merchant_is_new, category_is_new, city is None or city[1] > yesterday)
    return values, Observation(rupees, new, counts, sums, repeat, gap, sds)


def _ratio(log_amount: float, log_typical: float) -> float:
    return math.exp(min(log_amount - log_typical, MAX_LOG_RATIO))


def _travel(
    past: Profile, now: ParsedTransaction, city: list[int] | None, new_city_rate: float
) -> tuple[float, float, int | None]:
    """Surprisal of the city, surprisal of reaching it so soon, and seconds since the row before."""
    n = past.rows
    gap = max(now.event_time - past.last_time, 0) if n else None
    if not now.city or not past.recent_cities or gap is None:
        return 0.0, 0.0, gap
    usual = city[0] / (n + 1) if city else 0.0
    lately = past.recent_cities.count(now.city) / len(past.recent_cities)
    surprisal = -math.log(0.5 * max(usual, new_city_rate) + 0.5 * lately)
    if now.city == past.last_city or usual > 0.02 or gap >= DAY:
        return surprisal, 0.0, gap
    return surprisal, -math.log((past.gaps[gap_bucket(gap)] + 1.0) / (n + 2.0)), gap


def _windows(
    past: Profile, now: ParsedTransaction, rupees: float, is_new: bool
) -> tuple[tuple[int, ...], tuple[float, ...], int | None]:
    """Counts and sums of the user's rows of the same sign that led up to this one.

    Returns:
        Payments within 10 minutes, an hour, a day, to new merchants in an hour, to this merchant in an hour; logarithms
        of the sums of an hour, of a day, at new merchants in a day (minus infinity for a single payment); and seconds
        since the same payment within a day, or None.
    """
    ten_minutes = hour = day = same = 1
    new_hour = new_day = int(is_new)
    sum_hour = sum_day = sum_new = rupees
    repeat = None
    for event_time, amount, sign, merchant, was_new in reversed(past.recent):
        age = now.event_time - event_time
        if age > DAY:
            break
        if age < 0 or sign != now.sign:
            continue
        day += 1
        sum_day += amount
        same_merchant = merchant == now.merchant
        if was_new:
            new_day += 1
            sum_new += amount
        if age <= HOUR:
            hour += 1
            sum_hour += amount
            ten_minutes += age <= TEN_MINUTES
            new_hour += was_new
            same += same_merchant
        if repeat is None and same_merchant and abs(amount - rupees) < 0.005:
            repeat = age
    counts = (ten_minutes, hour, day, new_hour if is_new else 0, same)
    sums = (
        math.log(sum_hour) if hour > 1 else -math.inf,
        math.log(sum_day) if day > 1 else -math.inf,
        math.log(sum_new) if is_new and new_day > 1 else -math.inf,
    )
    return counts, sums, repeat
