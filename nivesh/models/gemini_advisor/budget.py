"""What answers may cost in a day: a budget for all clients, and a share of it for each one.

Two ledgers keep what was spent. The one in a file under NIVESH_HOME is always written, so that neither a restart nor an
outage of Redis starts the day at zero. Where NIVESH_REDIS_URL names a Redis, its ledger is that of all pods. The larger sum
of the two counts.
"""

import hashlib
import logging
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import redis

from nivesh.settings import settings

log = logging.getLogger("nivesh.advice")
FILE = "advice-spending.sqlite"
DAY = 86_400  # seconds
MICRO = 1_000_000  # micro-dollars of a dollar: integers add exactly
ALL = "all"  # the row of a day's sum over clients


@dataclass(frozen=True)
class Reservation:
    """Money that was set aside for one answer.

    Attributes:
        refused: why nothing was set aside: ``advice_budget`` where the day's budget is spent, ``client_share`` where the
            client's share is; "" where it was.
        day: the UTC date that the money is booked on, ``2025-10-31``.
        client: the id of the client in the ledgers.
        amount: micro-dollars.
    """

    refused: str
    day: str
    client: str
    amount: int


class Ledger(Protocol):
    """Micro-dollars by day and client."""

    def add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        """Add to a day's sums; returns the new sums of all clients and of this one."""


class FileLedger:
    """A ledger in SQLite, for all processes of one home. Where the file cannot be written it is in memory."""

    def __init__(self, path: Path):
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open(str(path))
        except (OSError, sqlite3.Error) as error:
            log.warning("%s cannot be written (%s): a restart forgets what was spent today", path, error)
            self._connection = self._open(":memory:")

    def add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        """See ``Ledger``."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM spent WHERE day < ?", (_days_before(day, 2),))
            total, own = (self._add(day, row, amount) for row in (ALL, client))
        return total, own

    def _add(self, day: str, client: str, amount: int) -> int:
        statement = (
            "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (day, client) DO UPDATE SET micro = micro + excluded.micro "
            "RETURNING micro"
        )
        return self._connection.execute(statement, (day, client, amount)).fetchone()[0]

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        with connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS spent (day TEXT, client TEXT, micro INTEGER, PRIMARY KEY (day, client))"
            )
        return connection


class RedisLedger:
    """A ledger in Redis, for all pods: one hash per day."""

    def __init__(self, client: redis.Redis):
        self._redis = client

    def add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        """See ``Ledger``.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        key = f"nivesh:advice:spent:{day}"
        with self._redis.pipeline() as pipe:
            pipe.hincrby(key, ALL, amount)
            pipe.hincrby(key, client, amount)
            pipe.expire(key, 2 * DAY)
            total, own, _ = pipe.execute()
        return total, own


class AnswerBudget:
    """The budget of a UTC day, over one or two ledgers.

    Args:
        own: the ledger of this machine.
        shared: the ledger of all pods, where there is one.
    """

    def __init__(self, own: Ledger, shared: RedisLedger | None = None):
        self._own, self._shared = own, shared

    def reserve(self, dollars: float, client: str = "") -> Reservation:
        """Set money aside before it is spent.

        Args:
            dollars: at most spent for the answer.
            client: who asks; "" is nobody in particular, whose share is the whole budget.
        """
        current = settings()
        budget = round(current.advice_budget * MICRO)
        share = round(current.advice_budget * current.advice_client_share * MICRO) if client else budget
        reservation = Reservation("", today(), client_id(client), round(dollars * MICRO))
        total, own = self._add(reservation.day, reservation.client, reservation.amount)
        if total <= budget and own <= share:
            return reservation
        self._add(reservation.day, reservation.client, -reservation.amount)
        reason = "advice_budget" if total > budget else "client_share"
        return Reservation(reason, reservation.day, reservation.client, 0)

    def settle(self, reservation: Reservation, dollars: float) -> None:
        """Book what was spent in place of what was reserved, on the day of the reservation."""
        self._add(reservation.day, reservation.client, round(dollars * MICRO) - reservation.amount)

    def spent_today(self) -> float:
        """US dollars spent or reserved today, by all clients."""
        return self._add(today(), client_id(""), 0)[0] / MICRO

    def _add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        own = self._own.add(day, client, amount)
        if self._shared is None:
            return own
        try:
            shared = self._shared.add(day, client, amount)
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s): the budget is this machine's own", error)
            return own
        return max(own[0], shared[0]), max(own[1], shared[1])


def today() -> str:
    """The UTC date, ``2025-10-31``."""
    return datetime.now(UTC).date().isoformat()


def client_id(client: str) -> str:
    """A client in a ledger: its API key or address cannot be read there."""
    return f"client:{hashlib.sha256(client.encode()).hexdigest()[:16]}"


def answer_budget() -> AnswerBudget:
    """The budget of this process, by the home and Redis of the settings."""
    current = settings()
    return _budget(current.home, current.redis_url, current.redis_timeout)


@cache
def _budget(home: Path, redis_url: str, redis_timeout: float) -> AnswerBudget:
    shared = RedisLedger(connect(redis_url, redis_timeout)) if redis_url else None
    return AnswerBudget(FileLedger(home / FILE), shared)


@cache
def connect(url: str, seconds: float) -> redis.Redis:
    """One client per Redis."""
    return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)


def _days_before(day: str, days: int) -> str:
    return (datetime.fromisoformat(day) - timedelta(days=days)).date().isoformat()
