"""Columns of transactions as plain arrays while they are generated, and the calendar that they follow."""

from typing import Literal

import numpy as np
import pandas as pd

from nivesh.features.festivals import FIRST_YEAR, LAST_YEAR, festivals
from nivesh.simulate.households import Household

Rows = dict[str, np.ndarray]
COLUMNS = ("time", "amount", "direction", "category", "merchant", "account", "city", "is_anomaly", "anomaly_kind")

# Days before a festival in which people buy for it, and how strong the season gets.
SEASONS = {
    "Diwali": (21, 1.0),
    "Dussehra": (10, 0.6),
    "Eid al-Fitr": (8, 0.3),
    "Holi": (4, 0.25),
    "Raksha Bandhan": (5, 0.35),
    "Onam": (7, 0.25),
    "Pongal": (5, 0.25),
    "Christmas": (8, 0.4),
}


def rows(home: Household, day, hour, amount, category, merchant, *, city=None, account=None, direction="debit") -> Rows:
    """Columns of transactions on whole ``day`` numbers at fractional ``hour``; single values are spread to all rows.

    Args:
        city: where it happened; the user's residence on that day where not given.
        account: paid with; the first account where not given.
    """
    day = np.asarray(day, dtype=np.int64)
    seconds = np.clip(np.round(np.asarray(hour, float) * 3600), 0, 86_399).astype(np.int64)
    time = home.first.astype("datetime64[s]") + (day * 86_400 + seconds).astype("timedelta64[s]")
    values = {
        "time": time,
        "amount": np.maximum(np.round(np.asarray(amount, float), 2), 1.0),
        "direction": direction,
        "category": category,
        "merchant": merchant,
        "account": home.accounts[0] if account is None else account,
        "city": home.home(day) if city is None else city,
        "is_anomaly": 0,
        "anomaly_kind": "",
    }
    return {name: np.broadcast_to(np.asarray(values[name]), day.shape) for name in COLUMNS}


def concatenate(parts: list[Rows]) -> Rows:
    """All rows of one user in the order of time."""
    table = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    return take(table, np.argsort(table["time"], kind="stable"))


def take(table: Rows, index: np.ndarray) -> Rows:
    """The rows at these positions."""
    return {name: values[index] for name, values in table.items()}


def months_of(home: Household) -> list[tuple[int, int, int]]:
    """(day number of its first day, days in it, month 1–12) for each month of a user's history."""
    starts = pd.date_range(home.first, periods=home.days, freq="D").to_period("M").unique()
    first = pd.Timestamp(home.first)
    return [((month.start_time - first).days, month.days_in_month, month.month) for month in starts]


def festive(first: np.datetime64, days: int) -> np.ndarray:
    """Strength 0–1 of the festival season on each day: it grows towards the festival and ends with it."""
    dates = first + np.arange(days)
    years = range(max(FIRST_YEAR, int(str(dates[0])[:4])), min(LAST_YEAR, int(str(dates[-1])[:4]) + 1) + 1)
    table = festivals(years)
    strength = np.zeros(days)
    for name, (ahead, top) in SEASONS.items():
        for date in table.loc[table["name"] == name, "date"].to_numpy().astype("datetime64[D]"):
            before = (date - dates).astype(int)
            strength = np.maximum(strength, np.where((before >= 0) & (before <= ahead), top * (1 - before / ahead), 0))
    return strength


def working(first: np.datetime64, day: int, forward: bool) -> int:
    """The working day at or next to this day number."""
    roll: Literal["forward", "backward"] = "forward" if forward else "backward"
    return int((np.busday_offset(first + day, 0, roll=roll) - first).astype(int))
