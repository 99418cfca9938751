"""How unusual transactions are for their user, offline and online by the same code.

``offline_features`` computes the features of every row of a frame (training, evaluation, ``nivesh predict``);
``online_features`` those of one transaction against a stored profile (requests), and ``updated`` the profile after it.
Both go through ``transaction_features.measure`` and ``profile.advance``, and so agree to the last digit.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from nivesh.features.profile import MAX_IDS, Profile, advance
from nivesh.features.transaction import ParsedTransaction, from_columns, identity, parse_transaction
from nivesh.features.transaction_features import FEATURES, SURPRISALS, clipped, measure

__all__ = [
    "FEATURES",
    "SURPRISALS",
    "in_event_order",
    "offline_features",
    "online_features",
    "updated",
    "user_profiles",
]

# A transaction that arrives out of order still finds its place if it is at most so many seconds and rows late.
MAX_DELAY, MAX_PENDING = 300, 20


def online_features(profile: dict[str, Any], transaction: dict[str, Any]) -> dict[str, float]:
    """Online: the features of one transaction against the stored profile of its user.

    A copy of the transaction that is pending in the profile, as after a retry, is left out.

    Args:
        profile: as ``updated`` or ``user_profiles`` returned it.
        transaction: see ``parse_transaction``.

    Returns:
        A number for each of ``FEATURES``.

    Raises:
        DataError: the profile is of another version, or the transaction cannot be read.
    """
    now = parse_transaction(transaction)
    past = Profile.from_stored(profile)
    if past.pending:
        past = _with_pending(past, now)
    values, _ = measure(past, now)
    return dict(zip(FEATURES, clipped(np.array([values]))[0].tolist(), strict=True))


def updated(profile: dict[str, Any] | None, transaction: dict[str, Any]) -> dict[str, Any]:
    """Online: the stored profile after a transaction; the given one stays as it is.

    A transaction counts once, however often it is sent: the ids of the last ``MAX_IDS`` are kept (without an id the
    whole content identifies it). One that is at most ``MAX_DELAY`` seconds and ``MAX_PENDING`` rows late leaves the same
    profile as in order; a later one counts as if it had just happened before the rows that are known, until the next
    materialisation puts it in its place. Transactions of the future must not come here: the newest sets the clock.

    Args:
        profile: as ``updated`` or ``user_profiles`` returned it; None for a user's first transaction.
        transaction: see ``parse_transaction``.

    Raises:
        DataError: the profile is of another version, or the transaction cannot be read.
    """
    now = parse_transaction(transaction)
    past = Profile() if profile is None else Profile.from_stored(profile)
    identified = [now.event_time, identity(now)]
    if any(known[1] == identified[1] for known in past.recent_ids):
        return past.to_stored()
    after = past.copy()
    insort(after.recent_ids, identified)
    del after.recent_ids[:-MAX_IDS]
    if now.event_time < after.last_time:
        _fold_in(after, now)
        return after.to_stored()
    _insert_pending(after.pending, now)
    newest = after.pending[-1][0]
    while len(after.pending) > MAX_PENDING or after.pending[0][0] < newest - MAX_DELAY:
        _fold_in(after, ParsedTransaction._make(after.pending.pop(0)))
    return after.to_stored()


def user_profiles(transactions: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The stored profile of every user after these transactions, by user id."""
    return offline_features(in_event_order(transactions))[1]


def in_event_order(transactions: pd.DataFrame) -> pd.DataFrame:
    """The rows by timestamp and transaction_id: the order of a file's rows does not matter."""
    by = [name for name in ("timestamp", "transaction_id") if name in transactions]
    return transactions.sort_values(by, kind="stable", ignore_index=True)


def offline_features(frame: pd.DataFrame) -> tuple[np.ndarray, dict[str, dict[str, Any]]]:
    """Offline: the features of every row from the earlier rows of its user, and every user's profile after the last.

    Args:
        frame: checked transactions, ``in_event_order``.

    Returns:
        An array (rows, FEATURES), in the order of ``frame``, and {user_id: stored profile}.
    """
    values = np.empty((len(frame), len(FEATURES)))
    states: dict[str, Profile] = {}
    stored: dict[str, Profile] = {}
    ids: dict[str, deque[ParsedTransaction]] = {}
    pending = _still_pending(frame)
    for row, (user, now) in enumerate(_parsed(frame)):
        state = states.get(user)
        if state is None:
            state = states[user] = Profile()
            ids[user] = deque(maxlen=4 * MAX_IDS)
        if pending[row]:
            if user not in stored:
                stored[user], state = state, state.copy()
                states[user] = state
            stored[user].pending.append([*now])
        ids[user].append(now)
        values[row], observed = measure(state, now)
        advance(state, now, observed)
    for user, profile in stored.items():
        profile.recent_ids = sorted([now.event_time, identity(now)] for now in ids[user])[-MAX_IDS:]
    return clipped(values), {user: profile.to_stored() for user, profile in stored.items()}


def _parsed(frame: pd.DataFrame) -> Iterator[tuple[str, ParsedTransaction]]:
    """(user id, transaction) of every row."""
    seconds = frame["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64).tolist()
    names = ("direction", "category", "merchant", "account", "city", "transaction_id")
    texts = [frame[name].fillna("").tolist() if name in frame else [""] * len(frame) for name in names]
    columns = zip(seconds, frame["amount"].tolist(), *texts, strict=True)
    return zip(frame["user_id"].tolist(), (from_columns(*column) for column in columns), strict=True)


def _still_pending(frame: pd.DataFrame) -> list[bool]:
    """Which rows ``updated`` would keep as pending after the last one."""
    by_user = frame.groupby("user_id", sort=False)
    seconds = frame["timestamp"].astype("datetime64[s]")
    newest = seconds.groupby(frame["user_id"], sort=False).transform("max")
    late = (newest - seconds).dt.total_seconds() <= MAX_DELAY
    return (late & (by_user.cumcount(ascending=False) < MAX_PENDING)).tolist()


def _insert_pending(pending: list[list[Any]], now: ParsedTransaction) -> None:
    """Insert by event time and id."""
    key = (now.event_time, now.transaction_id)
    pending.insert(bisect_right(pending, key, key=lambda row: (row[0], row[-1])), [*now])


def _with_pending(past: Profile, now: ParsedTransaction) -> Profile:
    """The profile with the pending transactions that come before this one folded in."""
    past, key = past.copy(), (now.event_time, now.transaction_id)
    for row in past.pending:
        earlier = ParsedTransaction._make(row)
        if (earlier.event_time, earlier.transaction_id) < key or (
            not now.transaction_id and earlier.event_time == now.event_time and earlier != now
        ):
            _fold_in(past, earlier)
    return past


def _fold_in(profile: Profile, now: ParsedTransaction) -> None:
    advance(profile, now, measure(profile, now)[1])
