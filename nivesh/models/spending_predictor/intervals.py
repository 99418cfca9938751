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
    months=[[-1.45, -1.03, 2.06, 5.46]] * MAX_MONTHS,
    sums=[
        [-1.44, -1.04, 2.08, 5.41], [-1.22, -0.82, 1.78, 4.30], [-1.10, -0.69, 1.74, 3.89], [-0.98, -0.59, 1.77, 3.25],
        [-0.91, -0.53, 1.65, 3.04], [-0.87, -0.51, 1.62, 2.83], [-0.80, -0.46, 1.57, 2.65], [-0.71, -0.45, 1.49, 2.58],
        [-0.73, -0.43, 1.50, 2.47], [-0.70, -0.42, 1.50, 2.53], [-0.68, -0.40, 1.43, 2.43], [-0.64, -0.37, 1.42, 2.31],
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
