"""Surprisals in nats: minus the logarithm of how often a user's own past had such an event or a stronger one.

Each starts from a prior, with a weight in rows, until the user's own rows outweigh it. Where the priors come from:
"Constants" in docs/experiments/anomaly_detector.md.
"""

import math

from nivesh.features.running_stats import Recurrence, RunningStats, log_gap

HOUR, DAY = 3_600, 86_400
GAPS = (120, 600, 1800, HOUR, 3 * HOUR, 8 * HOUR, DAY)  # upper bounds of the gap buckets, seconds
AMOUNT_BUCKETS, BUCKET_WIDTH = 72, 0.25  # histogram of the log-amount: up to exp(18), 66 million rupees

SIGN_WEIGHT, CATEGORY_WEIGHT, REPEAT_WEIGHT, BURST_WEIGHT = 12.0, 6.0, 100.0, 30.0  # of the priors, in rows
# Relative frequency of payments by hour of the day before any is known: people sleep.
HOURLY = [0.5, 0.2, 0.15, 0.15, 0.15, 0.25, 0.6] + [1.0] * 16 + [0.8]
HOUR_PRIOR = [value / sum(HOURLY) for value in HOURLY]
WEEKDAY_PRIOR = [1 / 7] * 7
# One row in a hundred repeats a payment within a day; shorter gaps are as much rarer as they are shorter.
REPEAT_PRIOR = [0.01 * gap / DAY for gap in GAPS]
# Share of rows that are the second within 10 minutes, an hour, a day, at new merchants in an hour, at one merchant in
# an hour; and the factor for each further one.
BURST_PRIORS = ((0.03, 0.15), (0.1, 0.3), (0.7, 0.7), (0.01, 0.2), (0.01, 0.1))


def amount_bucket(log_amount: float) -> int:
    """The histogram's bucket of a log-amount."""
    return min(max(int(log_amount / BUCKET_WIDTH), 0), AMOUNT_BUCKETS - 1)


def gap_bucket(gap: float) -> int:
    """The bucket of a gap in seconds: the first of ``GAPS`` that is not shorter."""
    return next((bucket for bucket, bound in enumerate(GAPS) if gap <= bound), len(GAPS) - 1)


def amount_tail(histogram: list[int] | None, log_amount: float) -> float:
    """Surprisal of an amount: how many of the user's payments were as large or larger."""
    if histogram is None:
        return 0.0
    bucket = amount_bucket(log_amount)
    return -math.log((sum(histogram[bucket + 1 :]) + 0.5 * histogram[bucket] + 0.5) / (sum(histogram) + 1))


def count_surprisal(at_least: list[int], count: int, prior: tuple[float, float], rows: int) -> float:
    """Surprisal of a count within a time window.

    Args:
        at_least: number of past rows with a count of at least 1, 2, 3, ...
        count: payments in the window, this one included.
        prior: one of ``BURST_PRIORS``.
        rows: all past rows.
    """
    if count < 2:
        return 0.0
    reached = at_least[count - 1] if count <= len(at_least) else 0
    second, factor = prior
    expected = second * factor ** min(count - 2, 20)
    return -math.log((reached + BURST_WEIGHT * expected) / (rows + BURST_WEIGHT))


def time_of_day_surprisal(by_sign: list[int] | None, by_category: list[int] | None, hour: int) -> float:
    """Surprisal of an hour (0 to 23) against the mean hour, from counts by hour; neighbouring hours count as half."""
    share = HOUR_PRIOR[hour]
    for counts, weight in ((by_sign, SIGN_WEIGHT), (by_category, CATEGORY_WEIGHT)):
        if counts is not None:
            smoothed = 0.5 * counts[hour] + 0.25 * (counts[hour - 1] + counts[(hour + 1) % 24])
            share = (smoothed + weight * share) / (sum(counts) + weight)
    return -math.log(min(1.0, share * 24))


def weekday_surprisal(by_sign: list[int] | None, by_category: list[int] | None, weekday: int) -> float:
    """Surprisal of a day of the week (0 to 6) against the mean day, from counts by day."""
    share = WEEKDAY_PRIOR[weekday]
    for counts, weight in ((by_sign, SIGN_WEIGHT), (by_category, CATEGORY_WEIGHT)):
        if counts is not None:
            share = (counts[weekday] + weight * share) / (sum(counts) + weight)
    return -math.log(min(1.0, share * 7))


def repeat_surprisal(repeats: list[int], gap: int, rows: int) -> float:
    """Surprisal of the same payment again after ``gap`` seconds.

    Args:
        repeats: number of past rows that repeated a payment within each of ``GAPS``.
        gap: seconds since the same payment.
        rows: all past rows.
    """
    bucket = gap_bucket(gap)
    return -math.log((repeats[bucket] + REPEAT_WEIGHT * REPEAT_PRIOR[bucket]) / (rows + REPEAT_WEIGHT))


def recurrence_z(stats: RunningStats | None, recurrence: Recurrence | None, log_amount: float, time: int) -> float:
    """How much sooner than usual a merchant takes the same amount again: standard deviations of the log-gap."""
    if stats is None or recurrence is None or stats.n < 4 or abs(recurrence.last_amount - log_amount) > 0.005:
        return 0.0
    gap = log_gap(stats.last_time, time)
    return (recurrence.gap_mean - gap) / max(0.4, math.sqrt(recurrence.gap_variance))
