"""Connections to Redis: the address, one pool per address, and every failure as one of our own errors.

The pool, the time limits and the circuit breaker are shared by all threads of a process.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from nivesh.circuit_breaker import CircuitBreaker
from nivesh.errors import FeaturesUnavailable, SettingsError
from nivesh.settings import settings
from nivesh.store import local_redis

MAX_CONNECTIONS = 2000  # one per thread; Redis accepts 10,000 from all clients
CLUSTER_ERRORS = (
    redis.exceptions.MovedError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.ClusterCrossSlotError,
)


class CircuitOpen(redis.RedisError):
    """Redis is not called for now."""


# A slow Redis must not let requests queue up, and one slow reply must not refuse everybody.
breaker = CircuitBreaker("Redis", outage=redis.TimeoutError, unavailable=CircuitOpen, max_failures=5, reset_seconds=1.0)
_clients: dict[tuple[str | None, ...], redis.Redis] = {}
_connecting = threading.Lock()


def address() -> str:
    """The URL of Redis: NIVESH_REDIS_URL, or that of the home's embedded Redis, which is started where it is not running.

    Raises:
        FeaturesUnavailable: the embedded Redis does not start.
        SettingsError: NIVESH_REDIS_URL cannot be used.
    """
    url = settings().redis_url
    if not url:
        return local_redis.url(settings().home)
    parse(url)
    return url


def parse(url: str) -> dict:
    """The connection options of a Redis URL, as redis-py names them.

    Raises:
        SettingsError: it is not a Redis URL. The message shows nothing of it, since a password with unescaped
            characters may end up in any of its parts.
    """
    escapes = "percent-encode the password: # is %23, / is %2F, ? is %3F, @ is %40, % is %25"
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("NIVESH_REDIS_URL must begin with redis://, rediss:// or unix://")
    try:
        parts = urlsplit(url)
        # A password with one of these characters ends the part of the URL that it stands in.
        cut = parts.scheme != "unix" and "@" not in parts.netloc and "@" in parts.path + parts.query
        if "#" in url or cut:
            raise SettingsError(f"NIVESH_REDIS_URL is not a URL; {escapes}")
        return dict(parse_url(url))
    except ValueError:
        raise SettingsError(f"NIVESH_REDIS_URL is not a URL; {escapes}") from None


def client() -> redis.Redis:
    """The client of the present environment; its pool of connections is shared by all threads.

    Raises:
        FeaturesUnavailable: the embedded Redis does not start.
        SettingsError: NIVESH_REDIS_URL cannot be used.
    """
    # Reading all settings takes as long as an answer of Redis, hence this key.
    place = (os.environ.get("NIVESH_REDIS_URL"), os.environ.get("NIVESH_HOME"))
    found = _clients.get(place)
    if found is None:
        with _connecting:
            if place not in _clients:
                _clients[place] = _connect(address())
            found = _clients[place]
    return found


@contextmanager
def connection(action: str) -> Iterator[redis.Redis]:
    """The client, for a call whose failures count in the circuit breaker.

    Args:
        action: "read" or "written", for messages.

    Raises:
        FeaturesUnavailable: Redis did not answer within NIVESH_REDIS_TIMEOUT, refused, or is not called for now.
    """
    with translated_errors(action), breaker.guard():
        yield client()


@contextmanager
def translated_errors(action: str) -> Iterator[None]:
    """Raise every error of Redis as FeaturesUnavailable, without user ids, values or passwords in the message."""
    prefix = f"the features cannot be {action}: "
    try:
        yield
    except redis.AuthenticationError as error:
        raise FeaturesUnavailable(
            f"{prefix}Redis refuses the user or password; correct NIVESH_REDIS_URL ({error})"
        ) from error
    except redis.TimeoutError as error:
        raise FeaturesUnavailable(f"{prefix}Redis did not answer in time") from error
    except CLUSTER_ERRORS as error:
        raise FeaturesUnavailable(
            f"{prefix}NIVESH_REDIS_URL is a node of a Redis Cluster, which is not supported; "
            "use a standalone Redis or the primary of a replicated one"
        ) from error
    except redis.RedisError as error:
        if local_redis.supervisor_died(settings().home):
            _clients.clear()  # the next call starts it again
        # A pipeline's error begins with the command, which contains user ids and values.
        raise FeaturesUnavailable(prefix + str(error).rpartition("of pipeline caused error: ")[2]) from error


def close() -> None:
    """Close all connections; an embedded Redis stops when its last client has closed."""
    with _connecting:
        for open_client in _clients.values():
            open_client.close()
        _clients.clear()
    breaker.reset()
    local_redis.release(settings().home)


def _connect(url: str) -> redis.Redis:
    """A client that retries once where a connection was lost (Redis was restarted), and never where Redis is slow."""
    seconds = settings().redis_timeout
    try:
        made = redis.Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            max_connections=MAX_CONNECTIONS,
        )
        made.connection_pool.make_connection()  # not opened; raises on unknown options of the URL
        return made
    except (TypeError, ValueError) as error:
        raise SettingsError(f"NIVESH_REDIS_URL: {error}") from None
