"""Online features of users, by group, in Redis in Feast's format: the guide's calls, and what the servers read.

    feature_store.save_features(user_id="user_123", features={"monthly_income": 60000}, ttl=3600)
    feature_store.get_features(user_id="user_123")

A group is what one family of features is called: ``finances`` (the default, for credit risk), ``behaviour`` (for
anomalies), ``history`` (for forecasts): what the models name in ``SPEC.user_features``. ``nivesh features materialize``
fills all of them through Feast. Redis is the one that NIVESH_REDIS_URL names, or one of the home's own.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

import redis
from google.protobuf.message import DecodeError
from redis.backoff import NoBackoff
from redis.retry import Retry

from nivesh.errors import DataError, FeaturesUnavailable, SettingsError
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.settings import settings
from nivesh.store import local_redis, storage_format
from nivesh.store.storage_format import Stored

Features = dict[str, Any]
DEFAULT_GROUP = "finances"
HOUR = 3600
BATCH = 200  # users a round trip: a few megabytes of the largest profiles
MOST_CONNECTIONS = 2000  # one a thread; Redis takes 10,000 from all
PAUSE = 1.0  # seconds without another try after Redis did not answer in time, so that requests do not queue up

_clients: dict[tuple[str | None, ...], redis.Redis] = {}
_connecting = threading.Lock()
_silent_until = 0.0


def save_features(user_id: str, features: Features, ttl: int | None = HOUR, group: str = DEFAULT_GROUP) -> bool:
    """Keep a user's features for ``ttl`` seconds (None: until replaced); True when stored.

    Nothing outlives ``nivesh.features.feature_views.FEATURE_TTL`` after the user's last write.

    Raises:
        DataError: the features are no dict of JSON values, or the user id is empty.
        FeaturesUnavailable: the store cannot be written.
    """
    return save_batch_features({user_id: features}, ttl, group) == 1


def get_features(user_id: str, group: str = DEFAULT_GROUP) -> Features | None:
    """A user's features, or None where there are none or they have expired.

    Raises:
        DataError: the user id is no text, or empty.
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
    """Keep the features of many users; none where one of them cannot be kept. Returns how many.

    Each user's are replaced at once. When Redis goes away in the middle, some users have the new ones.
    """
    if ttl is not None and not (isinstance(ttl, Real) and 0 < ttl < math.inf):
        raise DataError(f"ttl={ttl!r}: give seconds above 0, or None to keep the features until they are replaced")
    now = time.time()
    fields = storage_format.layout(group).fields
    hashes = {}
    for user_id, features in features_by_user.items():
        if not isinstance(features, dict):
            raise DataError(f"features of {user_id} are a {type(features).__name__}; give a dict of name and value")
        hashes[storage_format.key(user_id)] = storage_format.encode(group, user_id, features, now, ttl)
    with _redis("written") as client:
        for some in _batches(list(hashes.items())):
            with client.pipeline(transaction=True) as pipe:
                for key, values in some:
                    if gone := [field for field in fields if field not in values]:
                        pipe.hdel(key, *gone)
                    pipe.hset(key, mapping=values)
                    pipe.expire(key, FEATURE_TTL)
                pipe.execute()
    return len(hashes)


def get_batch_features(user_ids: Iterable[str], group: str = DEFAULT_GROUP) -> dict[str, Features | None]:
    """The features of many users by user id; None for a user without any."""
    return {user_id: stored and stored.features for user_id, stored in read(user_ids, group).items()}


def read(user_ids: Iterable[str], group: str = DEFAULT_GROUP) -> dict[str, Stored | None]:
    """Features with the moment that they are about, by user id; None for a user without any.

    Raises:
        FeaturesUnavailable: Redis did not answer in time, refused, or holds what cannot be read.
    """
    users = list(dict.fromkeys(user_ids))
    fields = storage_format.layout(group).fields
    answers = []
    with _redis("read") as client:
        if len(users) == 1:
            answers.append(client.hmget(storage_format.key(users[0]), fields))
        else:
            for some in _batches(users):
                with client.pipeline(transaction=False) as pipe:
                    for user_id in some:
                        pipe.hmget(storage_format.key(user_id), fields)
                    answers += pipe.execute()
    now = time.time()
    try:
        return {user: storage_format.decode(group, answer, now) for user, answer in zip(users, answers, strict=True)}
    except (DecodeError, ValueError) as error:
        raise FeaturesUnavailable(f"the feature store holds {group} that cannot be read: {error}") from error


def count(group: str = DEFAULT_GROUP) -> int:
    """Users with features in a group; looks at every user."""
    with _redis("read") as client:
        keys = list(client.scan_iter(storage_format.EVERY_KEY, count=1000))
        fields = storage_format.layout(group).fields
        now, found = time.time(), 0
        for some in _batches(keys):
            with client.pipeline(transaction=False) as pipe:
                for key in some:
                    pipe.hmget(key, fields)
                found += sum(storage_format.decode(group, answer, now) is not None for answer in pipe.execute())
    return found


def address() -> str:
    """The URL of Redis: that of NIVESH_REDIS_URL, or of the home's own, which is started.

    Raises:
        FeaturesUnavailable: the home's own does not start.
    """
    return settings().redis_url or local_redis.url(settings().home)


def close() -> None:
    """Forget all connections; the home's own Redis ends with its last user."""
    global _silent_until
    with _connecting:
        for client in _clients.values():
            client.close()
        _clients.clear()
        _silent_until = 0.0
    local_redis.release(settings().home)


def _batches(items: Sequence) -> Iterator[Sequence]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


@contextmanager
def _redis(done: str):
    """The client, with every way of its failing told as FeaturesUnavailable within a bounded time."""
    if time.monotonic() < _silent_until:
        raise FeaturesUnavailable(f"the features cannot be {done}: Redis did not answer a moment ago")
    with unavailable(done):
        yield _client()


@contextmanager
def unavailable(done: str):
    """Every way in which Redis fails, told as FeaturesUnavailable."""
    global _silent_until
    try:
        yield
    except redis.AuthenticationError as error:
        raise FeaturesUnavailable(
            f"the features cannot be {done}: Redis refuses the user or password; mend NIVESH_REDIS_URL ({error})"
        ) from error
    except redis.TimeoutError as error:
        _silent_until = time.monotonic() + PAUSE
        raise FeaturesUnavailable(f"the features cannot be {done}: Redis did not answer in time") from error
    except redis.RedisError as error:
        if local_redis.lost(settings().home):
            _clients.clear()  # the next call starts it again
        # A pipeline's error begins with the command, which has users' ids and values.
        told = str(error).rpartition("of pipeline caused error: ")[2]
        raise FeaturesUnavailable(f"the features cannot be {done}: {told}") from error


def _client() -> redis.Redis:
    """The client of the present environment; looked up without reading all settings, which takes as long as Redis."""
    place = (os.environ.get("NIVESH_REDIS_URL"), os.environ.get("NIVESH_HOME"))
    client = _clients.get(place)
    if client is None:
        with _connecting:
            if place not in _clients:
                _clients[place] = _connect(address())
            client = _clients[place]
    return client


def _connect(url: str) -> redis.Redis:
    """A pool of connections: one retry where a connection was lost (Redis was restarted), none where it is slow."""
    seconds = settings().redis_timeout
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            max_connections=MOST_CONNECTIONS,
        )
        client.connection_pool.make_connection()  # not opened: an option that there is not is told here
        return client
    except (TypeError, ValueError) as error:
        raise SettingsError(f"NIVESH_REDIS_URL: {error}") from None
