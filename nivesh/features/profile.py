"""A user's profile: what the feature store keeps of their past transactions, as plain JSON of bounded size.

A field of ``Profile`` is a feature in the online store. ``advance`` folds one transaction into a profile.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nivesh.errors import DataError
from nivesh.features.running_stats import (
    Recurrence,
    RunningStats,
    shrunk_mean_sd,
    update_recurrence,
    update_stats,
)
from nivesh.features.surprisal import AMOUNT_BUCKETS, BURST_PRIORS, DAY, GAPS, HOUR, amount_bucket, gap_bucket
from nivesh.features.transaction import ParsedTransaction

# Bounds of a profile: the most recent rows, cities, merchants, categories (and as many cities and accounts).
MAX_RECENT, MAX_RECENT_CITIES, MAX_MERCHANTS, MAX_CATEGORIES = 100, 10, 600, 200
MAX_IDS = 64  # transactions of which a second copy is recognised
MAX_BURST = 50
NEW_MEMORY = (300, 300, 1000)  # rows over which the shares of new merchants, categories and cities are averaged
NEW_MERCHANT_MEMORY = 100  # rows of a category over which its share of new merchants is averaged


@dataclass
class Profile:
    """The past of one user. Times are seconds since 1970, amounts logarithms of rupees, names normalised.

    Attributes:
        rows: transactions folded in.
        last_time: the latest event time among them.
        last_city: where the last payment with a city was made.
        new_shares: running shares of rows at a new merchant, in a new category, in a new city.
        amounts: ``RunningStats`` by sign.
        categories: ``RunningStats`` and the share of payments at new merchants, by category.
        merchants: ``RunningStats`` and ``Recurrence``, by merchant.
        accounts: number of rows by account.
        cities: number of rows and first event time, by city.
        histograms: rows by ``amount_bucket``, by sign.
        hours, weekdays: rows by hour and by day of the week, by sign and by category.
        recent: rows of the last day: event time, rupees, sign, merchant, whether the merchant was new.
        recent_cities: cities of the last rows.
        bursts: for each of ``BURST_PRIORS``, the rows with a count of at least 1, 2, 3, ...
        repeats, gaps: rows within each of ``GAPS`` of the same payment; of the row before in another city.
        outflows: ``RunningStats`` of the sums of an hour, of a day, at new merchants in a day; [] before the first.
        pending: the newest transactions, not folded in yet, so that late ones still find their place.
        recent_ids: event time and ``identity`` of the newest transactions.
    """

    rows: int = 0
    last_time: int = 0
    last_city: str = ""
    new_shares: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    amounts: dict[str, list[float]] = field(default_factory=dict)
    categories: dict[str, list[float]] = field(default_factory=dict)
    merchants: dict[str, list[float]] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    cities: dict[str, list[int]] = field(default_factory=dict)
    histograms: dict[str, list[int]] = field(default_factory=dict)
    hours: dict[str, list[int]] = field(default_factory=dict)
    weekdays: dict[str, list[int]] = field(default_factory=dict)
    recent: list[list[Any]] = field(default_factory=list)
    recent_cities: list[str] = field(default_factory=list)
    bursts: list[list[int]] = field(default_factory=lambda: [[] for _ in BURST_PRIORS])
    repeats: list[int] = field(default_factory=lambda: [0] * len(GAPS))
    gaps: list[int] = field(default_factory=lambda: [0] * len(GAPS))
    outflows: list[list[float]] = field(default_factory=lambda: [[], [], []])
    pending: list[list[Any]] = field(default_factory=list)
    recent_ids: list[list[int]] = field(default_factory=list)

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> "Profile":
        """The profile of ``to_stored``'s dict, which is not copied.

        Raises:
            DataError: the dict is not a profile of this version.
        """
        if not isinstance(stored, dict) or stored.keys() != cls.__dataclass_fields__.keys():
            raise DataError("the profile is of another version; run nivesh features materialize")
        return cls(**stored)

    def to_stored(self) -> dict[str, Any]:
        """Plain JSON: dicts, lists, numbers and texts."""
        return self.__dict__

    def copy(self) -> "Profile":
        """A copy that ``advance`` may change: it replaces the inner lists and never changes them in place."""
        copied: dict[str, Any] = {
            name: value if isinstance(value, int | str) else value.copy() for name, value in self.__dict__.items()
        }
        return Profile(**copied)


class Observation(NamedTuple):
    """What measuring a transaction against a profile found, as ``advance`` needs it again.

    Attributes:
        rupees: the amount.
        new: whether the merchant, the category and the city are new: not seen before the last day.
        counts: payments within the windows of ``BURST_PRIORS``.
        sums: logarithms of the outflows, minus infinity where there is a single payment.
        repeat: seconds since the same payment within a day, None where there is none.
        gap: seconds since the row before, None where there is none.
        sds: standard deviations of the amount for the user, the category and the merchant.
    """

    rupees: float
    new: tuple[bool, bool, bool]
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    repeat: int | None
    gap: int | None
    sds: tuple[float, float, float]


def stats_of(entry: list[float] | None) -> RunningStats | None:
    """The statistics at the start of a stored entry."""
    return RunningStats._make(entry[:6]) if entry else None


def recurrence_of(entry: list[float] | None) -> Recurrence | None:
    """The recurrence behind the statistics of a merchant's entry."""
    return Recurrence._make(entry[6:]) if entry else None


def advance(profile: Profile, now: ParsedTransaction, seen: Observation) -> None:
    """Fold a transaction into a profile, in place."""
    n, time, x, sign = profile.rows, now.event_time, now.log_amount, now.sign
    sd_user, sd_category, sd_merchant = seen.sds
    profile.amounts[sign] = [*update_stats(stats_of(profile.amounts.get(sign)), x, sd_user, time)]

    entry = profile.categories.get(now.category)
    category, share = update_stats(stats_of(entry), x, sd_category, time), entry[6] if entry else 0.0
    share += (seen.new[0] - share) / min(category.n, NEW_MERCHANT_MEMORY)
    profile.categories[now.category] = [*category, share]

    entry = profile.merchants.get(now.merchant)
    before = stats_of(entry)
    recurrence = update_recurrence(recurrence_of(entry), before, x, time)
    profile.merchants[now.merchant] = [*update_stats(before, x, sd_merchant, time), *recurrence]

    _evict(profile.merchants, 5, MAX_MERCHANTS)
    for name in _evict(profile.categories, 5, MAX_CATEGORIES):
        del profile.hours[name], profile.weekdays[name]
    if now.account and len(profile.accounts) < MAX_CATEGORIES:
        profile.accounts[now.account] = profile.accounts.get(now.account, 0) + 1
    if now.city:
        count, first_time = profile.cities.get(now.city) or (0, time)
        profile.cities[now.city] = [count + 1, min(first_time, time)]
        _evict(profile.cities, 1, MAX_CATEGORIES)
        profile.recent_cities = [*profile.recent_cities[1 - MAX_RECENT_CITIES :], now.city]
        profile.last_city = now.city
    profile.new_shares = [
        share + (new - share) / min(n + 1, memory)
        for share, new, memory in zip(profile.new_shares, seen.new, NEW_MEMORY, strict=True)
    ]
    hour, weekday = time % DAY // HOUR, time // DAY % 7
    for key in (sign, now.category):
        profile.hours[key] = _incremented(profile.hours.get(key) or [0] * 24, hour, hour + 1)
        profile.weekdays[key] = _incremented(profile.weekdays.get(key) or [0] * 7, weekday, weekday + 1)
    bucket = amount_bucket(x)
    histogram = profile.histograms.get(sign) or [0] * AMOUNT_BUCKETS
    profile.histograms[sign] = _incremented(histogram, bucket, bucket + 1)
    for place, (at_least, count) in enumerate(zip(profile.bursts, seen.counts, strict=True)):
        count = min(count, MAX_BURST)
        padded = at_least + [0] * (count - len(at_least))
        profile.bursts[place] = _incremented(padded, 0, count)
    if seen.repeat is not None:
        profile.repeats = _incremented(profile.repeats, gap_bucket(seen.repeat), len(GAPS))
    if seen.gap is not None and seen.gap <= DAY:
        profile.gaps = _incremented(profile.gaps, gap_bucket(seen.gap), len(GAPS))
    for place, total in enumerate(seen.sums):
        if total > -float("inf"):
            stats = stats_of(profile.outflows[place])
            profile.outflows[place] = [*update_stats(stats, total, shrunk_mean_sd(stats, 0.0, None)[1], time)]
    _remember(profile.recent, [time, seen.rupees, sign, now.merchant, seen.new[0]])
    profile.rows, profile.last_time = n + 1, max(time, profile.last_time)


def _incremented(counts: list[int], start: int, stop: int) -> list[int]:
    """A copy with the counts from ``start`` to ``stop`` higher by one."""
    counts = counts.copy()
    for place in range(start, stop):
        counts[place] += 1
    return counts


def _remember(recent: list[list[Any]], row: list[Any]) -> None:
    """Insert a row by its time; drop what is older than a day, and the oldest beyond ``MAX_RECENT``."""
    if not recent or recent[-1][0] <= row[0]:
        recent.append(row)
    else:
        recent.insert(bisect_right(recent, row[0], key=lambda other: other[0]), row)
    oldest = recent[-1][0] - DAY
    drop = max(len(recent) - MAX_RECENT, 0)
    while recent[drop][0] < oldest:
        drop += 1
    del recent[:drop]


def _evict(table: dict[str, Any], by: int, size: int) -> list[str]:
    """Drop the tenth of the entries that is oldest, by the time at index ``by``, once there are more than ``size``."""
    if len(table) <= size:
        return []
    oldest = sorted(table, key=lambda name: table[name][by])[: size // 10]
    for name in oldest:
        del table[name]
    return oldest
