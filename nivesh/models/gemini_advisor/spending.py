"""What answers may cost in a day, and answers that were paid already.

Where NIVESH_REDIS_URL names a Redis, all pods share one budget and one cache; else each process has its own. A Redis
that is away leaves each process with what it counted itself: never more than a day's budget for each pod.
"""

import hashlib
import json
import logging
import threading
from datetime import UTC, datetime
from functools import cache
from typing import Any

import redis
from cachetools import TTLCache

from nivesh.settings import settings

log = logging.getLogger("nivesh.advice")
DAY = 86_400
MICRO = 1_000_000  # of a dollar: Redis adds whole numbers exactly


class Purse:
    """A budget for each day in UTC, and a cache of answers for a day."""

    def __init__(self, client: redis.Redis | None = None):
        self._redis = client
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}
        self._answers: TTLCache[str, str] = TTLCache(maxsize=2_000, ttl=DAY)

    def reserve(self, dollars: float) -> bool:
        """Set money aside before it is spent; False where it would go beyond the day's budget."""
        amount = round(dollars * MICRO)
        if self._add(amount) <= round(settings().advice_budget * MICRO):
            return True
        self._add(-amount)
        return False

    def settle(self, reserved: float, spent: float) -> None:
        """Give back what was set aside and not spent."""
        self._add(round((spent - reserved) * MICRO))

    def spent_today(self) -> float:
        """US dollars spent or set aside today."""
        return self._add(0) / MICRO

    def recall(self, key: str) -> dict[str, Any] | None:
        """The answer that was kept for a key."""
        with self._lock:
            kept = self._answers.get(key)
        kept = kept or self._ask(lambda client: client.get(f"nivesh:advice:answer:{key}"))
        return json.loads(kept) if kept else None

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer for a day."""
        kept = json.dumps(answer)  # so nobody changes what others will get
        with self._lock:
            self._answers[key] = kept
        self._ask(lambda client: client.set(f"nivesh:advice:answer:{key}", kept, ex=DAY))

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

        shared = self._ask(add)
        return own if shared is None else max(own, shared)

    def _ask(self, question) -> Any:
        """What Redis answers; None where there is none, or it is away."""
        if self._redis is None:
            return None
        try:
            return question(self._redis)
        except redis.RedisError as error:
            log.warning("Redis is away (%s): budget and cache are this process's own", error)
            return None


def key(*parts: str) -> str:
    """A name for an answer that tells nothing of the question."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def purse() -> Purse:
    """The purse of this process, at the Redis of the settings."""
    current = settings()
    return _purse(current.redis_url, current.redis_timeout)


@cache
def _purse(url: str, seconds: float) -> Purse:
    if not url:
        return Purse()
    return Purse(redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds))
