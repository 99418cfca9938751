"""Transactions of simulated Indian households, in the format of ``nivesh.data.tables.TRANSACTIONS``."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from nivesh.errors import SettingsError
from nivesh.features.festivals import FIRST_YEAR, LAST_YEAR
from nivesh.simulate import anomalies, obligations, spending
from nivesh.simulate.households import draw
from nivesh.simulate.ledger import COLUMNS, Rows, concatenate, take

MAX_USERS, MAX_MONTHS = 100_000, 120


def transactions(
    users: int = 60,
    months: int = 30,
    seed: int = 0,
    end: date = date(2025, 9, 30),
    progress: Callable[[float, str], None] | None = None,
) -> pd.DataFrame:
    """Simulate households of different segments, cities and habits, with labelled anomalies among their rows.

    A user's rows depend on ``seed`` and the user's number only: the same people with or without more of them.

    Args:
        users: number of users; their ids are user_101, user_102, ….
        months: longest history of a user; about a fifth of them joined later.
        seed: of the random numbers.
        end: last day of all histories.
        progress: called with the finished fraction and a message.

    Returns:
        Rows sorted by time: transaction_id, user_id, timestamp, amount (rupees), direction, category, merchant,
        account, city, is_anomaly (0 or 1), anomaly_kind ("" for ordinary rows).

    Raises:
        SettingsError: a number is out of range.
    """
    _check(users, months, end)
    parts, ids = [], []
    for number in range(1, users + 1):
        user_id = f"user_{100 + number}"
        parts.append(_user_rows(user_id, months, np.datetime64(end, "D"), np.random.default_rng([seed, number])))
        ids.append(np.full(len(parts[-1]["time"]), user_id))
        if progress:
            progress(number / users, f"simulated {number} of {users} users")
    frame = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in COLUMNS})
    frame.insert(0, "user_id", np.concatenate(ids))
    frame = frame.rename(columns={"time": "timestamp"}).sort_values("timestamp", kind="stable", ignore_index=True)
    frame.insert(0, "transaction_id", [f"T{number:07d}" for number in range(1, len(frame) + 1)])
    columns = ["transaction_id", "user_id", "timestamp", *COLUMNS[1:]]
    return frame[columns].astype({"timestamp": "datetime64[ns]", "is_anomaly": "int64"})


def _user_rows(user_id: str, months: int, last: np.datetime64, rng: np.random.Generator) -> Rows:
    home = draw(user_id, months, last, rng)
    place, journeys = spending.trips(home, rng)
    parts = spending.everyday(home, place, rng) + spending.large(home, place, rng)
    parts += spending.travel(home, journeys, rng) + obligations.bills(home, rng) + obligations.income(home, rng)
    table = concatenate(parts)
    table = concatenate([table, obligations.refunds(home, table, rng), spending.repeat_purchases(table, rng)])
    table = concatenate([table, *anomalies.inject(home, table, rng)])
    return take(table, np.flatnonzero(table["time"] < (last + 1).astype("datetime64[s]")))


def _check(users: int, months: int, end: date) -> None:
    if not 1 <= users <= MAX_USERS:
        raise SettingsError(f"users={users}: give a number from 1 to {MAX_USERS:,}")
    if not 1 <= months <= MAX_MONTHS:
        raise SettingsError(f"months={months}: give a number from 1 to {MAX_MONTHS}")
    if end.year - months // 12 - 1 < FIRST_YEAR or end.year + 1 > LAST_YEAR:
        raise SettingsError(f"end={end}: festivals are known from {FIRST_YEAR} to {LAST_YEAR}; choose an end within")
