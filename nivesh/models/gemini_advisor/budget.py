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

import redis

from nivesh.models.gemini_advisor.shared_redis import SharedRedis, shared_redis
from nivesh.settings import settings

log = logging.getLogger("nivesh.advice")
FILE = "advice-spending.sqlite"
DAY = 86_400  # seconds
MICRO = 1_000_000  # micro-dollars of a dollar: integers add exactly
ALL = "all"  # the row of a day's sum over clients
ADD = (
    "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (day, client) DO UPDATE SET micro = micro + excluded.micro "
    "RETURNING micro"
)


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


class FileLedger:
    """Micro-dollars by day and client in SQLite, for all processes of one home.

    Where the file cannot be written, or no longer, the ledger goes on in memory with the sums that this process knows.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open(str(path))
        except (OSError, sqlite3.Error) as error:
            self._go_on_in_memory(error)

    def add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        """Add to a day's sums; returns the new sums of all clients and of this one."""
        with self._lock:
            try:
                sums = self._add(day, client, amount)
            except sqlite3.Error as error:  # the disk is full, or was mounted read-only
                self._go_on_in_memory(error)
                sums = self._add(day, client, amount)
            self._known = {key: micro for key, micro in self._known.items() if key[0] >= _yesterday(day)}
            self._known |= {(day, ALL): sums[0], (day, client): sums[1]}
            return sums

    def _add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        with self._connection as transaction:
            transaction.execute("DELETE FROM spent WHERE day < ?", (_yesterday(day),))
            total, own = (transaction.execute(ADD, (day, row, amount)).fetchone()[0] for row in (ALL, client))
        return total, own

    def _go_on_in_memory(self, error: Exception) -> None:
        log.warning("%s cannot be written (%s): a restart forgets what was spent today", self._path, error)
        self._connection = _open(":memory:")
        with self._connection as transaction:
            transaction.executemany(ADD, [(*key, micro) for key, micro in self._known.items()])


class RedisLedger:
    """The same in Redis, for all pods: one hash per day."""

    def __init__(self, shared: SharedRedis):
        self._shared = shared

    def add(self, day: str, client: str, amount: int) -> tuple[int, int] | None:
        """Add to a day's sums; returns the new ones as ``FileLedger`` does, or None where Redis does not answer."""
        key = f"nivesh:advice:spent:{day}"

        def command(connection: redis.Redis) -> tuple[int, int]:
            with connection.pipeline() as pipe:
                pipe.hincrby(key, ALL, amount)
                pipe.hincrby(key, client, amount)
                pipe.expire(key, 2 * DAY)
                total, own, _ = pipe.execute()
            return total, own

        return self._shared.call(command)


class AnswerBudget:
    """The budget of a UTC day, over two ledgers.

    Args:
        path: of this machine's ledger.
        shared: the Redis with the ledger of all pods.
    """

    def __init__(self, path: Path, shared: SharedRedis):
        self._file, self._redis = FileLedger(path), RedisLedger(shared)
        self._seen = ("", 0)  # the day and micro-dollars of the last sum

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

    def last_sum(self) -> float:
        """What ``spent_today`` was when this process last reserved or booked, without asking a ledger; 0 on a new day."""
        day, micro = self._seen
        return micro / MICRO if day == today() else 0.0

    def _add(self, day: str, client: str, amount: int) -> tuple[int, int]:
        own = self._file.add(day, client, amount)
        shared = self._redis.add(day, client, amount)
        sums = (max(own[0], shared[0]), max(own[1], shared[1])) if shared else own
        if day == today():
            self._seen = (day, sums[0])
        return sums


def today() -> str:
    """The UTC date, ``2025-10-31``."""
    return datetime.now(UTC).date().isoformat()


def client_id(client: str) -> str:
    """A client in a ledger: its API key or address cannot be read there."""
    return f"client:{hashlib.sha256(client.encode()).hexdigest()[:16]}"


def answer_budget() -> AnswerBudget:
    """The budget of this process, by the home and the Redis of the settings."""
    return _budget(settings().home, shared_redis())


@cache
def _budget(home: Path, shared: SharedRedis) -> AnswerBudget:
    return AnswerBudget(home / FILE, shared)


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    with connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS spent (day TEXT, client TEXT, micro INTEGER, PRIMARY KEY (day, client))"
        )
    return connection


def _yesterday(day: str) -> str:
    return (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()
