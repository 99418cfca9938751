"""The Redis that all pods share, where there is one; without it each pod goes on by itself."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nivesh.circuit_breaker import CircuitBreaker
from nivesh.settings import settings

log = logging.getLogger("nivesh.advice")


class SharedRedis:
    """Commands that may get no reply: after outages in a row Redis is not called for some seconds.

    Args:
        client: the client, or None where there is no Redis.
    """

    def __init__(self, client: redis.Redis | None = None):
        self._client = client
        self._breaker = CircuitBreaker(
            "Redis", outage=redis.RedisError, unavailable=redis.RedisError, max_failures=3, reset_seconds=5
        )

    def call(self, command: Callable[[redis.Redis], Any]) -> Any:
        """The reply to a command; None where there is no Redis, or it does not answer."""
        if self._client is None:
            return None
        try:
            with self._breaker.guard():
                return command(self._client)
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s): budget and cache are this machine's own", error)
            return None


def shared_redis() -> SharedRedis:
    """The Redis of NIVESH_REDIS_URL, one client per process."""
    current = settings()
    return _connect(current.redis_url, current.redis_timeout)


@cache
def _connect(url: str, seconds: float) -> SharedRedis:
    if not url:
        return SharedRedis()
    once = Retry(NoBackoff(), 1)  # a connection that was idle for long may be closed
    return SharedRedis(redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=once))
