"""A user's spending as monthly totals: what the feature store keeps, and what every forecast starts from."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.cash_flow import INCOME, SPENDING, classify, keys

MONTHS = 24
# A month counts as whole when it lacks no more than these days at an edge of the file.
EDGE_DAYS = 3
EARLIEST, LATEST = 2001, 2099


@dataclass(frozen=True)
class History:
    """Whole months of one user.

    Attributes:
        last: the last day that the rows cover; a forecast begins on the day after.
        first_month: number of the first month, counted as year * 12 + month - 1.
        categories: names of the rows of ``amounts``.
        amounts: rupees spent, categories × months, oldest month first.
        income: regular income of each month in rupees.
    """

    last: date
    first_month: int
    categories: tuple[str, ...]
    amounts: np.ndarray
    income: np.ndarray

    @property
    def months(self) -> np.ndarray:
        return self.first_month + np.arange(self.amounts.shape[1])

    @property
    def earning(self) -> float:
        """Typical income of a recent month, 0 where none is known."""
        return float(np.median(self.income[-3:])) if len(self.income) else 0.0


def number(day: date) -> int:
    """The number of a day's month."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """The first day of a month number."""
    return date(month // 12, month % 12 + 1, 1)


def spending(rows: pd.DataFrame) -> pd.DataFrame:
    """The debits that are spending, less what was refunded, with categories in the form of ``cash_flow.key``; see ``nivesh.features.cash_flow``."""
    return _spending(classify(rows))


def _spending(flows: pd.DataFrame) -> pd.DataFrame:
    rows = flows[(flows["flow"] == SPENDING) & (flows["amount"] > 0)]
    category = keys(rows["category"])  # "Food Delivery" and "food_delivery" are one
    return rows.assign(category=category.where(category != "", rows["category"]))


def monthly(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sums of rupees by columns (rows) and month number (columns; every month between the first and last)."""
    month = rows["timestamp"].dt.year * 12 + rows["timestamp"].dt.month - 1
    table = rows.groupby([*by, month.rename("month")])["amount"].sum().unstack("month", fill_value=0.0)
    if table.empty:
        return table
    return table.reindex(columns=range(int(month.min()), int(month.max()) + 1), fill_value=0.0)


def histories(rows: pd.DataFrame, as_of: date | None = None, months: int = MONTHS) -> dict[str, dict[str, Any]]:
    """What the feature store keeps for each user: plain JSON.

    Args:
        rows: checked transactions of any users.
        as_of: last day that the rows cover; the day of the last row of all users where not given.
        months: how many whole months to keep at most.

    Returns:
        By user id: last_date, first_month ("2023-10"), by_category (rupees of each month), income (of each month).
        A month that the user joined late or that is not over is left out.
    """
    if rows.empty:
        return {}
    as_of = as_of or rows["timestamp"].max().date()
    whole = number(as_of + timedelta(days=EDGE_DAYS)) - 1
    flows = classify(rows)
    spent = dict(tuple(monthly(_spending(flows), ["user_id", "category"]).groupby(level="user_id")))
    earned = monthly(flows[flows["flow"] == INCOME], ["user_id"])
    result = {}
    for user_id, joined in rows.groupby("user_id")["timestamp"].min().items():
        begun = min(number(joined.date()) + (joined.day > 1 + EDGE_DAYS), whole + 1)
        span = range(max(begun, whole - months + 1), whole + 1)
        amounts = spent[user_id].droplevel("user_id") if user_id in spent else pd.DataFrame()
        amounts = amounts.reindex(columns=span, fill_value=0.0)
        amounts = amounts[(amounts > 0).any(axis=1)]
        income = earned.loc[user_id].reindex(span, fill_value=0.0) if user_id in earned.index else pd.Series(0.0, span)
        start = first_day(span.start)
        result[str(user_id)] = {
            "last_date": as_of.isoformat(),
            "first_month": f"{start:%Y-%m}",
            "by_category": {str(name): [round(float(value), 2) for value in row] for name, row in amounts.iterrows()},
            "income": [round(float(value), 2) for value in income],
        }
    return result


def parse(stored: dict[str, Any]) -> History:
    """The History of a dict that ``histories`` made.

    Raises:
        DataError: the dict has another form.
    """
    try:
        last = date.fromisoformat(stored["last_date"])
        year, month = map(int, stored["first_month"].split("-"))
        income = np.asarray(stored["income"], float)
        names = tuple(stored["by_category"])
        amounts = np.asarray([stored["by_category"][name] for name in names], float).reshape(len(names), len(income))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the stored history cannot be used ({error!r}); store what histories() returns") from None
    if not EARLIEST <= last.year <= LATEST:
        raise DataError(f"the stored history ends in {last.year}; forecasts are made for {EARLIEST} to {LATEST}")
    if not (np.isfinite(amounts).all() and np.isfinite(income).all() and (amounts >= 0).all()):
        raise DataError(
            "the stored history has an amount that is negative or no number; store what histories() returns"
        )
    return History(last, year * 12 + month - 1, names, amounts, income)
