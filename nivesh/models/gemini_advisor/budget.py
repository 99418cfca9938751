"""What answers may cost in a day, and answers that were paid already.

Where NIVESH_REDIS_URL names a Redis, all pods share one budget and one cache; otherwise each process has its own. During
an outage of Redis each process counts for itself: never more than a day's budget for each pod.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import redis
from cachetools import TTLCache

from nivesh.settings import settings

log = logging.getLogger("nivesh.advice")
DAY = 86_400  # seconds
MICRO = 1_000_000  # micro-dollars of a dollar: Redis adds integers exactly


class AnswerBudget:
    """A budget for each day in UTC, and a cache of answers for a day."""

    def __init__(self, client: redis.Redis | None = None):
        self._redis = client
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}
        self._answers: TTLCache[str, str] = TTLCache(maxsize=2_000, ttl=DAY)

    def reserve(self, dollars: float) -> bool:
        """Set money aside before it is spent; False where that would exceed the day's budget."""
        amount = round(dollars * MICRO)
        if self._add(amount) <= round(settings().advice_budget * MICRO):
            return True
        self._add(-amount)
        return False

    def settle(self, reserved: float, spent: float) -> None:
        """Give back what was reserved and not spent."""
        self._add(round((spent - reserved) * MICRO))

    def spent_today(self) -> float:
        """US dollars spent or reserved today."""
        return self._add(0) / MICRO

    def recall(self, key: str) -> dict[str, Any] | None:
        """The answer that was kept for a key."""
        with self._lock:
            kept = self._answers.get(key)
        kept = kept or self._shared(lambda client: client.get(f"nivesh:advice:answer:{key}"))
        return json.loads(kept) if kept else None

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer for a day."""
        kept = json.dumps(answer)  # a copy: a caller that changes its answer changes nobody else's
        with self._lock:
            self._answers[key] = kept
        self._shared(lambda client: client.set(f"nivesh:advice:answer:{key}", kept, ex=DAY))

    def _add(self, amount: int) -> int:
        """Add to what was spent today; returns the new sum, the larger of the shared one and this process's own."""
        today = datetime.now(UTC).date().isoformat()
        with self._lock:
            self._spent = {today: self._spent.get(today, 0) + amount}
            own = self._spent[today]

        def add(client: redis.Redis) -> int:
            with client.pipeline() as pipe:
                pipe.incrby(f"nivesh:advice:spent:{today}", amount)
                pipe.expire(f"nivesh:advice:spent:{today}", 2 * DAY)
                return pipe.execute()[0]

        shared = self._shared(add)
        return own if shared is None else max(own, shared)

    def _shared(self, command: Callable[[redis.Redis], Any]) -> Any:
        """The reply of Redis; None where there is none, or it does not answer."""
        if self._redis is None:
            return None
        try:
            return command(self._redis)
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s): budget and cache are this process's own", error)
            return None


def cache_key(*parts: str) -> str:
    """A key for an answer from which the question cannot be read."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def answer_budget() -> AnswerBudget:
    """The budget of this process, at the Redis of the settings."""
    current = settings()
    return _budget(current.redis_url, current.redis_timeout)


@cache
def _budget(url: str, seconds: float) -> AnswerBudget:
    if not url:
        return AnswerBudget()
    return AnswerBudget(redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds))
