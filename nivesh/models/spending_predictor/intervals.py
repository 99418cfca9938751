"""Prediction intervals: quantiles of scaled back-test errors, by month ahead and by number of months summed."""

from dataclasses import dataclass

import numpy as np

QUANTILES = (0.025, 0.1, 0.9, 0.975)
MAX_MONTHS = 12


@dataclass(frozen=True)
class IntervalTable:
    """Quantiles of forecast errors in units of ``MonthlyForecast.spread``; 12 rows of the four ``QUANTILES`` each.

    Attributes:
        months: by months ahead, for a single month.
        sums: by the number of months, for their sum.
    """

    months: list[list[float]]
    sums: list[list[float]]


# Measured on eight files of 60 simulated users, 39 dates and 1,935 forecasts in all (docs/experiments/spending_predictor.md):
# the quantiles of single months do not depend on how far ahead they are.
SIMULATED = IntervalTable(
    months=[[-1.35, -0.95, 2.01, 5.30]] * MAX_MONTHS,
    sums=[
        [-1.35, -0.98, 1.98, 5.12], [-1.12, -0.77, 1.75, 4.18], [-0.98, -0.64, 1.74, 3.61], [-0.89, -0.55, 1.72, 3.33],
        [-0.81, -0.48, 1.63, 3.06], [-0.78, -0.45, 1.64, 2.78], [-0.72, -0.42, 1.54, 2.69], [-0.64, -0.39, 1.46, 2.56],
        [-0.63, -0.38, 1.43, 2.48], [-0.64, -0.40, 1.34, 2.63], [-0.60, -0.36, 1.41, 2.52], [-0.57, -0.32, 1.37, 2.39],
    ],
)  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """Bounds of the 80 % and the 95 % interval, in rupees."""

    lower_95: float
    lower: float
    upper: float
    upper_95: float


def month_bounds(table: IntervalTable, amount: float, spread: float, ahead: int, fraction: float = 1.0) -> Bounds:
    """Interval of one month's amount.

    Args:
        table: quantiles of scaled errors.
        amount, spread: the forecast and its spread, rupees; the spread is that of the whole month.
        ahead: months ahead, 1 for the first.
        fraction: part of the month that the amount is for.
    """
    return _bounds(table.months[min(ahead, MAX_MONTHS) - 1], amount, spread * np.sqrt(fraction))


def sum_bounds(table: IntervalTable, amount: float, spread: np.ndarray, fractions: np.ndarray) -> Bounds:
    """Interval of a sum over months.

    Args:
        table: quantiles of scaled errors.
        amount: the forecast of the sum, rupees.
        spread: spread of each whole month, rupees, shape (months,).
        fractions: part of each month that is in the sum, shape (months,).
    """
    span = max(float(fractions.sum()), 1e-9)
    width = float(spread @ fractions) * max(1.0, 1 / np.sqrt(span))
    return _bounds(table.sums[min(max(round(span), 1), MAX_MONTHS) - 1], amount, width)


def _bounds(quantiles: list[float], amount: float, width: float) -> Bounds:
    lower_95, lower, upper, upper_95 = (amount + quantile * width for quantile in quantiles)
    lower, upper = min(max(lower, 0.0), amount), max(upper, amount)
    return Bounds(min(max(lower_95, 0.0), lower), lower, upper, max(upper_95, upper))
