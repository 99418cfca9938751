"""Surprises in nats: minus the logarithm of how often a user's own past showed such a thing or a stronger one.

Each starts from what is common among people, with a weight in rows, until the user's own rows say otherwise.
"""

import math

from nivesh.features.running_stats import AMOUNT, GAP, GAP_VAR, LAST, N
from nivesh.features.transaction import Moment

DAY, HOUR = 86_400, 3_600
GAPS = (120, 600, 1800, HOUR, 3 * HOUR, 8 * HOUR, DAY)
LEVEL, LEVELS = 0.25, 72  # width and number of the steps of the logarithm of amounts

# What is expected before a user's own rows say otherwise, each with its weight in rows.
HOURS_WEIGHT, CATEGORY_WEIGHT, REPEAT_WEIGHT = 12.0, 6.0, 100.0
# People sleep: the shape of a day of a user without a past.
QUIET = [0.5, 0.2, 0.15, 0.15, 0.15, 0.25, 0.6] + [1.0] * 16 + [0.8]
DAY_SHAPE = [value / sum(QUIET) for value in QUIET]
# A same payment within a day comes about once in a hundred rows, within minutes as much rarer as they are shorter.
REPEATS = [0.01 * gap / DAY for gap in GAPS]
# Share of rows that are the second within 10 minutes, an hour, a day, at new merchants or at one merchant in an
# hour, and the factor for each one more.
BURSTS = ((0.03, 0.15), (0.1, 0.3), (0.7, 0.7), (0.01, 0.2), (0.01, 0.1))
BURST_WEIGHT = 30.0


def level(amount: float) -> int:
    """The step in which the logarithm of an amount falls."""
    return min(max(int(amount / LEVEL), 0), LEVELS - 1)


def rank(levels: list[int] | None, amount: float) -> float:
    """Surprise about an amount, from how many of the user's payments were as high or higher."""
    if not levels:
        return 0.0
    place = level(amount)
    return -math.log((sum(levels[place + 1 :]) + 0.5 * levels[place] + 0.5) / (sum(levels) + 1))


def more(tail: list[int], count: int, expected: tuple[float, float], n: int) -> float:
    """Surprise about a count, from how many past rows had as many or more."""
    if count < 2:
        return 0.0
    reached = tail[count - 1] if count <= len(tail) else 0
    second, factor = expected
    prior = second * factor ** min(count - 2, 20)
    return -math.log((reached + BURST_WEIGHT * prior) / (n + BURST_WEIGHT))


def rare(table: dict[str, list[int]], now: Moment, at: int, n: int) -> float:
    """Surprise about an hour of the day or a day of the week, for the user and this category."""
    size = 24 if table is None or n == 0 else len(next(iter(table.values())))
    share = DAY_SHAPE[at] if size == 24 else 1 / 7
    for key, weight in ((now.sign, HOURS_WEIGHT), (now.category, CATEGORY_WEIGHT)):
        seen = table.get(key)
        if seen is not None:
            around = 0.5 * seen[at] + 0.25 * (seen[at - 1] + seen[(at + 1) % size]) if size == 24 else seen[at]
            share = (around + weight * share) / (sum(seen) + weight)
    return -math.log(min(1.0, share * size)) if n else 0.0


def too_soon(merchant: list | None, now: Moment) -> float:
    """How much sooner than usual this merchant takes the same amount again, in standard deviations."""
    if merchant is None or merchant[N] < 4 or abs(merchant[AMOUNT] - now.amount) > 0.005:
        return 0.0
    gap = math.log(max(now.time - merchant[LAST], 60))
    return (merchant[GAP] - gap) / max(0.4, math.sqrt(merchant[GAP_VAR]))


def step(gap: float) -> int:
    """The shortest of ``GAPS`` that takes in a time in seconds."""
    return next((place for place, limit in enumerate(GAPS) if gap <= limit), len(GAPS) - 1)


def once_more(repeats: list[int], gap: int, n: int) -> float:
    """Surprise about the same payment again after so many seconds, from how many came again as soon or sooner."""
    at = step(gap)
    return -math.log((repeats[at] + REPEAT_WEIGHT * REPEATS[at]) / (n + REPEAT_WEIGHT))
