"""Running statistics of log-amounts and rates: bounded in size, JSON-able, and shrunk towards a prior while young."""

import math
from typing import NamedTuple

# Why the constants have these values: "Constants" in docs/experiments/anomaly_detector.md.
PRIOR_SD = 1.2  # standard deviation of a user's log-amounts before any is known
SD_WEIGHT, MEAN_WEIGHT = 5.0, 2.0  # weight of the prior, in observations
MIN_SD = 0.2  # bills of nearly constant amount may still change by a fifth
MAX_COUNT = 150  # observations after which older ones fade exponentially, since prices and habits drift
MAX_STEP, MAX_RECORD = 3.0, 4.0  # standard deviations by which one value moves the mean, and the maximum, at most
MIN_GAP = 60  # seconds; shorter gaps between payments count as this long
MAX_GAP_COUNT = 12  # gaps after which older ones fade


class RunningStats(NamedTuple):
    """Statistics of a sequence of log-amounts.

    Attributes:
        n: number of values.
        mean, variance: of the values, winsorised and exponentially weighted after ``MAX_COUNT`` values.
        maximum: the largest value, winsorised.
        first_time, last_time: earliest and latest event time, seconds since 1970.
    """

    n: int
    mean: float
    variance: float
    maximum: float
    first_time: int
    last_time: int


class Recurrence(NamedTuple):
    """How regularly a merchant is paid.

    Attributes:
        last_amount: logarithm of the last amount.
        gap_mean, gap_variance: of the logarithm of the seconds between payments.
    """

    last_amount: float
    gap_mean: float
    gap_variance: float


def shrunk_mean_sd(stats: RunningStats | None, prior_mean: float, prior_sd: float | None) -> tuple[float, float]:
    """Mean and standard deviation, shrunk towards those of the wider group while there are few values.

    Args:
        stats: None where there is no value yet.
        prior_mean: the wider group's mean.
        prior_sd: the wider group's standard deviation; None marks the widest group: its mean is not shrunk.
    """
    if stats is None:
        return prior_mean, prior_sd or PRIOR_SD
    n = min(stats.n, MAX_COUNT)
    weight = 0.0 if prior_sd is None else MEAN_WEIGHT
    mean = (n * stats.mean + weight * prior_mean) / (n + weight)
    variance = (n * stats.variance + SD_WEIGHT * (prior_sd or PRIOR_SD) ** 2) / (n + SD_WEIGHT)
    return mean, max(MIN_SD, math.sqrt(variance))


def update_stats(stats: RunningStats | None, value: float, sd: float, time: int) -> RunningStats:
    """The statistics with one more value. An outlier moves them little, so that a fraud does not become usual.

    Args:
        sd: standard deviation by which outliers are winsorised.
        time: event time of the value, seconds since 1970.
    """
    if stats is None:
        return RunningStats(1, value, 0.0, value, time, time)
    n, mean, variance, maximum, first_time, last_time = stats
    n += 1
    weight = 1 / min(n, MAX_COUNT)
    step = min(max(value - mean, -MAX_STEP * sd), MAX_STEP * sd)
    mean += weight * step
    variance = (1 - weight) * (variance + weight * step * step)
    maximum = max(maximum, min(value, mean + MAX_RECORD * sd))
    return RunningStats(n, mean, variance, maximum, min(time, first_time), max(time, last_time))


def update_recurrence(
    recurrence: Recurrence | None, before: RunningStats | None, value: float, time: int
) -> Recurrence:
    """The recurrence after a payment; ``before`` are the merchant's statistics without it."""
    if recurrence is None or before is None:
        return Recurrence(value, 0.0, 0.0)
    gap = log_gap(before.last_time, time)
    if before.n == 1:
        return Recurrence(value, gap, 0.0)
    weight = 1 / min(before.n, MAX_GAP_COUNT)
    deviation = gap - recurrence.gap_mean
    variance = (1 - weight) * (recurrence.gap_variance + weight * deviation * deviation)
    return Recurrence(value, recurrence.gap_mean + weight * deviation, variance)


def log_gap(earlier: int, later: int) -> float:
    """Logarithm of the seconds between two event times, at least ``MIN_GAP``."""
    return math.log(max(later - earlier, MIN_GAP))


def shrunk_rate(rate: float, count: float, max_count: int, weight: float, prior: float) -> float:
    """A share of rows, shrunk towards ``prior`` with a weight of so many rows; counts above ``max_count`` do not count."""
    n = min(count, max_count)
    return (n * rate + weight * prior) / (n + weight)


def record_surprisal(stats: RunningStats | None, value: float, sd: float) -> float:
    """Nats of a value above all before: the next of n + 1 values is the largest once in n + 1; tails decay."""
    if stats is None or value <= stats.maximum:
        return 0.0
    return math.log(stats.n + 1) + (value - stats.maximum) / max(MIN_SD, 0.5 * sd)
