"""Online features of users, by group: kept in one SQLite file under NIVESH_HOME, shared by all processes of a machine.

    feature_store.save_features(user_id="user_123", features={"monthly_income": 60000}, ttl=3600)
    feature_store.get_features(user_id="user_123")

A group is what one family of features is called: ``finances`` (the default, for credit risk), ``behaviour`` (for
anomalies), ``history`` (for forecasts): what the models name in ``SPEC.user_features``.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nivesh.errors import DataError, FeaturesUnavailable
from nivesh.settings import settings

Features = dict[str, Any]
DEFAULT_GROUP = "finances"
HOUR = 3600
_connections = threading.local()


def save_features(user_id: str, features: Features, ttl: int | None = HOUR, group: str = DEFAULT_GROUP) -> bool:
    """Keep a user's features for ``ttl`` seconds (None: until replaced); True when stored.

    Raises:
        DataError: the features are no dict of JSON values, or the user id is empty.
        FeaturesUnavailable: the store cannot be written.
    """
    return save_batch_features({user_id: features}, ttl, group) == 1


def get_features(user_id: str, group: str = DEFAULT_GROUP) -> Features | None:
    """A user's features, or None where there are none or they are too old.

    Raises:
        FeaturesUnavailable: the store cannot be read.
    """
    return get_batch_features([user_id], group)[user_id]


def compute_if_missing(
    user_id: str, compute_fn: Callable[[str], Features], ttl: int | None = HOUR, group: str = DEFAULT_GROUP
) -> Features:
    """A user's features; where there are none, those that ``compute_fn(user_id)`` gives, which are then kept."""
    features = get_features(user_id, group)
    if features is None:
        features = compute_fn(user_id)
        save_features(user_id, features, ttl, group)
    return features


def save_batch_features(
    features_by_user: Mapping[str, Features], ttl: int | None = HOUR, group: str = DEFAULT_GROUP
) -> int:
    """Keep the features of many users, all or none of them; returns how many."""
    if ttl is not None and ttl <= 0:
        raise DataError(f"ttl={ttl}: give seconds above 0, or None to keep the features until they are replaced")
    expires = None if ttl is None else time.time() + ttl
    rows = [(group, user_id, _encode(user_id, features), expires) for user_id, features in features_by_user.items()]
    try:
        with _connection() as connection:
            connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)
    except sqlite3.Error as error:
        raise FeaturesUnavailable(f"the feature store cannot be written: {error}") from error
    return len(rows)


def get_batch_features(user_ids: Iterable[str], group: str = DEFAULT_GROUP) -> dict[str, Features | None]:
    """The features of many users by user id; None for a user without any."""
    question = "SELECT features FROM features WHERE grp = ? AND user_id = ? AND (expires IS NULL OR expires > ?)"
    now, found = time.time(), {}
    try:
        connection = _connection()
        for user_id in user_ids:
            row = connection.execute(question, (group, user_id, now)).fetchone()
            found[user_id] = json.loads(row[0]) if row else None
    except sqlite3.Error as error:
        raise FeaturesUnavailable(f"the feature store cannot be read: {error}") from error
    return found


def count(group: str = DEFAULT_GROUP) -> int:
    """Users with features in a group."""
    (number,) = _connection().execute("SELECT count(*) FROM features WHERE grp = ?", (group,)).fetchone()
    return number


def _encode(user_id: str, features: Features) -> str:
    if not isinstance(user_id, str) or not user_id:
        raise DataError(f"user_id={user_id!r}: give a text that is not empty")
    if not isinstance(features, dict):
        raise DataError(f"features of {user_id} are a {type(features).__name__}; give a dict of name and value")
    try:
        return json.dumps(features, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise DataError(f"features of {user_id} cannot be kept as JSON: {error}") from None


def _plain(value: Any) -> Any:
    """numpy's and pandas' scalars, arrays and times as JSON values."""
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _connection() -> sqlite3.Connection:
    """This thread's connection to the file of the current home."""
    path = settings().home.resolve() / "features.db"
    if getattr(_connections, "path", None) != path:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10)
        connection.execute("PRAGMA journal_mode=WAL")  # readers go on while another process writes
        connection.execute(
            "CREATE TABLE IF NOT EXISTS features "
            "(grp TEXT, user_id TEXT, features TEXT, expires REAL, PRIMARY KEY (grp, user_id)) WITHOUT ROWID"
        )
        _connections.path, _connections.connection = path, connection
    return _connections.connection
