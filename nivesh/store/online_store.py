"""Online features of users, by group, in Redis in Feast's format: the guide's calls, and what the servers read.

    feature_store.save_features(user_id="user_123", features={"monthly_income": 60000}, ttl=3600)
    feature_store.get_features(user_id="user_123")

A group is the features that one family of models reads, named by ``SPEC.user_features``: ``finances`` (the default, for
credit risk), ``behaviour`` (for anomalies), ``history`` (for forecasts). ``nivesh features materialize`` fills all of
them. Redis is the one at NIVESH_REDIS_URL, or an embedded one of the home.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import redis
from google.protobuf.message import DecodeError

from nivesh.errors import DataError, FeaturesUnavailable, UserNotFound
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.store import redis_client, storage_format
from nivesh.store.redis_client import close
from nivesh.store.storage_format import MAX_CLOCK_SKEW, Fields, Stored

__all__ = [
    "close", "compute_if_missing", "count", "get_batch_features", "get_features", "last_loaded", "materialized", "read",
    "read_existing", "save_batch_features", "save_features",
]  # fmt: skip

T = TypeVar("T")
Features = dict[str, Any]
DEFAULT_GROUP = "finances"
HOUR = 3600
BATCH_USERS = 200  # per round trip
BATCH_BYTES = 1_000_000  # per round trip, about
# A hash: the event time of the last materialisation by group, and under the group with this suffix when it ended.
MARKER, LOADED = b"nivesh:materialized", ":loaded"


def save_features(user_id: str, features: Features, ttl: int | None = HOUR, group: str = DEFAULT_GROUP) -> bool:
    """Store a user's features in place of those of before.

    Args:
        features: JSON values by name.
        ttl: seconds after which they expire; None keeps them until they are replaced. Nothing outlives
            ``FEATURE_TTL`` after the user's last write.
        group: the group of features.

    Returns:
        True.

    Raises:
        DataError: the features are not a dict of JSON values, or the user id is empty.
        FeaturesUnavailable: the store cannot be written.
    """
    return save_batch_features({user_id: features}, ttl, group) == 1


def get_features(user_id: str, group: str = DEFAULT_GROUP) -> Features | None:
    """A user's features; None where there are none or they have expired.

    Raises:
        DataError: the user id is not a string, or empty.
        FeaturesUnavailable: the store cannot be read.
    """
    return get_batch_features([user_id], group)[user_id]


def compute_if_missing(
    user_id: str, compute_fn: Callable[[str], Features], ttl: int | None = HOUR, group: str = DEFAULT_GROUP
) -> Features:
    """A user's features; where there are none, those of ``compute_fn(user_id)``, which are then stored.

    Raises:
        DataError: see ``save_features``.
        FeaturesUnavailable: the store cannot be read or written.
    """
    features = get_features(user_id, group)
    if features is None:
        features = compute_fn(user_id)
        save_features(user_id, features, ttl, group)
    return features


def save_batch_features(
    features_by_user: Mapping[str, Features], ttl: int | None = HOUR, group: str = DEFAULT_GROUP
) -> int:
    """Store the features of many users; nothing is written where the features of one of them are invalid.

    Each user's features are replaced atomically. When Redis goes away, some users may have the new ones.

    Args:
        features_by_user: features by user id.
        ttl, group: see ``save_features``.

    Returns:
        The number of users.

    Raises:
        DataError: a user's features are not a dict of JSON values, or the ttl is not a positive number.
        FeaturesUnavailable: the store cannot be written.
    """
    if ttl is not None and not (isinstance(ttl, Real) and 0 < ttl < math.inf):
        raise DataError(f"ttl={ttl!r}: give seconds above 0, or None to keep the features until they are replaced")
    now = time.time()
    hashes = {}
    for user_id, features in features_by_user.items():
        if not isinstance(features, dict):
            raise DataError(f"features of {user_id} are a {type(features).__name__}; give a dict of name and value")
        primitives = storage_format.to_primitives(group, user_id, features)
        hashes[storage_format.key(user_id)] = storage_format.encode(group, primitives, now, ttl)
    with redis_client.connection("written") as client:
        for batch in batches_by_size(hashes.items(), lambda item: sum(map(len, item[1].values()))):
            with client.pipeline(transaction=True) as pipe:
                for key, values in batch:
                    write_hash(pipe, group, key, values)
                pipe.execute()
    return len(hashes)


def get_batch_features(user_ids: Iterable[str], group: str = DEFAULT_GROUP) -> dict[str, Features | None]:
    """The features of many users by user id; None for a user without any. Errors as in ``get_features``."""
    return {user_id: stored and stored.features for user_id, stored in read(user_ids, group).items()}


def read(user_ids: Iterable[str], group: str = DEFAULT_GROUP) -> dict[str, Stored | None]:
    """Features with their event time, by user id; None for a user without any.

    Raises:
        DataError: a user id is not a string, or empty.
        FeaturesUnavailable: Redis did not answer in time, refused, or holds what cannot be read.
    """
    users = list(dict.fromkeys(user_ids))
    keys = [storage_format.key(user_id) for user_id in users]
    with redis_client.connection("read") as client:
        answers = list(_read_hashes(client, group, keys))
    return dict(zip(users, _decoded(group, answers), strict=True))


def read_existing(user_ids: Iterable[str], group: str) -> dict[str, Stored]:
    """Features with their event time, by user id, where all the users must have some.

    Raises:
        UserNotFound: a user has no features.
        FeaturesUnavailable: as in ``read``; or no materialisation has filled the store, as after Redis lost its data;
            or a clock that is ahead wrote features of the future.
    """
    found = read(user_ids, group)
    existing = {}
    for user_id, stored in found.items():
        if stored is None:
            if materialized(group) is None:
                raise FeaturesUnavailable(
                    f"the feature store has no {group} features of anybody: it was never filled, or Redis lost its "
                    "data; run nivesh features materialize"
                )
            raise UserNotFound(
                f"no {group} features for user {user_id!r}; "
                "make them from the user's transactions: nivesh features materialize"
            )
        ahead = stored.event_time - time.time()
        if ahead > MAX_CLOCK_SKEW:
            raise FeaturesUnavailable(
                f"the {group} features of user {user_id!r} are of {ahead:.0f} s in the future; "
                "correct the clocks and run nivesh features materialize"
            )
        existing[user_id] = stored
    return existing


def materialized(group: str) -> float | None:
    """Event time of the last materialisation, seconds since 1970 UTC; None where there was none.

    Raises:
        FeaturesUnavailable: the store cannot be read.
    """
    return _marker(group)


def last_loaded(group: str) -> float | None:
    """When the last materialisation of a group ended, seconds since 1970 UTC; None where there was none.

    Raises:
        FeaturesUnavailable: the store cannot be read.
    """
    return _marker(group + LOADED)


def _marker(field: str) -> float | None:
    with redis_client.connection("read") as client:
        marker = client.hget(MARKER, field)
    return None if marker is None else float(marker)


def count(group: str = DEFAULT_GROUP) -> int:
    """Users with features in a group; reads all users.

    Raises:
        FeaturesUnavailable: the store cannot be read.
    """
    with redis_client.connection("read") as client:
        keys = list(client.scan_iter(storage_format.ALL_KEYS, count=1000))
        answers = list(_read_hashes(client, group, keys))
    return sum(stored is not None for stored in _decoded(group, answers))


def write_hash(pipe: redis.client.Pipeline, group: str, key: bytes, values: Fields) -> None:
    """Queue the commands that replace a user's features of a group."""
    if gone := [field for field in storage_format.layout(group).fields if field not in values]:
        pipe.hdel(key, *gone)
    pipe.hset(key, mapping=values)
    pipe.expire(key, FEATURE_TTL)


def batches_by_size(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Split what is to be written into round trips of at most ``BATCH_USERS`` users and about ``BATCH_BYTES``."""
    batch: list[T] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if len(batch) >= BATCH_USERS or total >= BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _read_hashes(client: redis.Redis, group: str, keys: Sequence[bytes]) -> Iterator[list[bytes | None]]:
    """The answers to HMGET of the group's fields, in round trips of about ``BATCH_BYTES``."""
    fields = storage_format.layout(group).fields
    if len(keys) == 1:
        yield client.hmget(keys[0], fields)
        return
    start, batch_users = 0, BATCH_USERS // 10  # the first ones tell how large the others are
    while start < len(keys):
        batch = keys[start : start + batch_users]
        with client.pipeline(transaction=False) as pipe:
            for key in batch:
                pipe.hmget(key, fields)
            answers = pipe.execute()
        yield from answers
        size = sum(len(value) for answer in answers for value in answer if value) or 1
        start += len(batch)
        batch_users = max(1, min(BATCH_USERS, BATCH_BYTES * len(batch) // size))


def _decoded(group: str, answers: Iterable[Sequence[bytes | None]]) -> list[Stored | None]:
    now = time.time()
    try:
        return [storage_format.decode(group, answer, now) for answer in answers]
    except (DecodeError, ValueError) as error:
        raise FeaturesUnavailable(f"the feature store holds {group} that cannot be read: {error}") from error
