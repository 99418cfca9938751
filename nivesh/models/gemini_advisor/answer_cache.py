"""Answers that were paid already, for a day; the same question at the same time is paid once.

Where NIVESH_REDIS_URL names a Redis, all pods share the answers.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from cachetools import TTLCache

from nivesh.models.gemini_advisor.budget import DAY
from nivesh.models.gemini_advisor.shared_redis import SharedRedis, shared_redis

CACHED_OUTCOMES = ("answered", "refused")
Answer = dict[str, Any]


class AnswerCache:
    """Answers by key, in this process and in Redis.

    Args:
        shared: the Redis of all pods.
    """

    def __init__(self, shared: SharedRedis):
        self._redis = shared
        self._lock = threading.Lock()
        self._answers: TTLCache[str, str] = TTLCache(maxsize=2_000, ttl=DAY)
        self._pending: dict[str, Future[str]] = {}

    def get_or_create(self, key: str, create: Callable[[], Answer], is_valid: Callable[[Answer], bool]) -> Answer:
        """The cached answer, or a new one; threads that need the same new one wait for the first of them.

        Args:
            key: of everything that the answer depends on, see ``cache_key``.
            create: makes the answer; answers and refusals are cached, outages and refused budgets are not.
            is_valid: checks a cached answer; an invalid one is created again.
        """
        while True:
            if (text := self._get(key)) and is_valid(answer := json.loads(text)):
                return answer
            with self._lock:
                pending = self._pending.get(key)
                if pending is None:
                    own: Future[str] = Future()
                    self._pending[key] = own
                    break
            answer = json.loads(pending.result())
            if answer["outcome"] != "over_budget":  # another client's share may be spent; this one has its own
                return answer
        try:
            text = self._get(key)  # by a thread that was done between the look above and now
            if text and is_valid(json.loads(text)):
                answer = json.loads(text)
            else:
                answer = create()
                text = json.dumps(answer)
                if answer["outcome"] in CACHED_OUTCOMES:
                    self._set(key, text)
            own.set_result(text)
        except BaseException as error:
            own.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._pending[key]
        return answer

    def _get(self, key: str) -> str | None:
        with self._lock:
            text = self._answers.get(key)
        return text or self._redis.call(lambda client: client.get(_name(key)))

    def _set(self, key: str, text: str) -> None:
        with self._lock:
            self._answers[key] = text
        self._redis.call(lambda client: client.set(_name(key), text, ex=DAY))


def cache_key(*parts: str) -> str:
    """A key of texts, from which none of them can be read."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def answer_cache() -> AnswerCache:
    """The cache of this process, at the Redis of the settings."""
    return _cache(shared_redis())


@cache
def _cache(shared: SharedRedis) -> AnswerCache:
    return AnswerCache(shared)


def _name(key: str) -> str:
    return f"nivesh:advice:answer:{key}"
