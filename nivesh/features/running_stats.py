"""Running summaries of amounts and of how often something new comes: small lists that fit into JSON.

A summary is [count, mean, variance, largest, first seen, last seen, last amount, mean and variance of the logarithm
of the time between]; amounts are logarithms of rupees. For a category, the place of GAP holds its share of payments
to new merchants.
"""

import math

N, MEAN, VAR, TOP, FIRST, LAST, AMOUNT, GAP, GAP_VAR = range(9)

SPREAD = 1.2  # standard deviation of the logarithm of a user's payments before it is known
SPREAD_WEIGHT, MEAN_WEIGHT = 5.0, 2.0
FLOOR = 0.2  # bills of nearly constant amount may still change by a fifth
MEMORY = 150  # payments after which an old one counts little: prices and habits drift


def settle(entry: list[float] | None, mean: float, sd: float | None) -> tuple[float, float]:
    """Mean and standard deviation of a summary, drawn to those of the wider group while it is young.

    ``sd`` None marks the widest group, whose mean is drawn to nothing.
    """
    if not entry:
        return mean, sd or SPREAD
    n = min(entry[N], MEMORY)
    weight = 0.0 if sd is None else MEAN_WEIGHT
    centre = (n * entry[MEAN] + weight * mean) / (n + weight)
    variance = (n * entry[VAR] + SPREAD_WEIGHT * (sd or SPREAD) ** 2) / (n + SPREAD_WEIGHT)
    return centre, max(FLOOR, math.sqrt(variance))


def spread(entry: list[float]) -> float:
    """Standard deviation of a summary that belongs to no wider group."""
    return settle(entry, 0.0, None)[1]


def record(entry: list[float] | None, value: float, sd: float) -> float:
    """Surprise about a value above all before: the next of n+1 is the largest once in n+1, and tails fall off."""
    if not entry or value <= entry[TOP]:
        return 0.0
    return math.log(entry[N] + 1) + (value - entry[TOP]) / max(FLOOR, 0.5 * sd)


def learn(entry: list[float] | None, value: float, sd: float, time: int, gaps: bool = False) -> list[float]:
    """The summary with one more value. What lies far out moves it little, so that a fraud does not become usual."""
    if not entry:
        return [1, value, 0.0, value, time, time, value, 0.0, 0.0]
    n = entry[N] + 1
    weight = 1 / min(n, MEMORY)
    step = min(max(value - entry[MEAN], -3 * sd), 3 * sd)
    entry[VAR] = (1 - weight) * (entry[VAR] + weight * step * step)
    entry[MEAN] += weight * step
    entry[TOP] = max(entry[TOP], min(value, entry[MEAN] + 4 * sd))
    if gaps:
        gap = math.log(max(time - entry[LAST], 60))
        weight = 1 / min(n - 1, 12)
        off = gap - entry[GAP] if n > 2 else 0.0
        entry[GAP] = gap if n == 2 else entry[GAP] + weight * off
        entry[GAP_VAR] = (1 - weight) * (entry[GAP_VAR] + weight * off * off) if n > 2 else 0.0
    entry[N], entry[LAST] = n, max(time, entry[LAST])
    return entry


def rate(seen: float, n: float, memory: int, weight: float, expected: float) -> float:
    """How often something comes, drawn to what is expected while there are few rows."""
    n = min(n, memory)
    return (n * seen + weight * expected) / (n + weight)
