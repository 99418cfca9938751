"""Loading snapshots into Redis, in Feast's format.

What Feast's own ``materialize`` does, which in 0.67 reads the whole past of all users into memory, converts values one
by one, and neither compares and writes atomically nor replaces values of the same event time.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import redis

from nivesh.errors import FeaturesUnavailable
from nivesh.store import redis_client, snapshots, storage_format, streaming
from nivesh.store.online_store import LOADED, MARKER, batches_by_size, write_hash
from nivesh.store.storage_format import MAX_CLOCK_SKEW, Fields, Primitive, Stored

ATTEMPTS = 50  # to write users that somebody else writes at the same time


class Row(NamedTuple):
    """A user's features of a snapshot.

    Attributes:
        user_id: of the user.
        key, fields: of their hash in Redis.
        primitives: the features as they are stored.
        event_time: seconds since 1970 UTC.
    """

    user_id: str
    key: bytes
    fields: Fields
    primitives: dict[str, Primitive]
    event_time: float


def load(group: str, start: datetime, end: datetime, now: datetime) -> int:
    """Write each user's newest snapshot of a group into Redis. What is newer there stays, the same time is replaced.

    A profile is the new base of its user's streamed transactions: those that are newer than it are folded in again.

    Event times in Redis that are more than ``MAX_CLOCK_SKEW`` in the future are those of a clock that was ahead, and
    are replaced as well.

    Args:
        start, end: of the snapshots' event times, both included.
        now: the present time.

    Returns:
        The number of users written.

    Raises:
        FeaturesUnavailable: Redis is away or refuses. The next load writes what is missing.
    """
    written = 0
    latest = now.timestamp() + MAX_CLOCK_SKEW
    with redis_client.translated_errors("written"):
        client = redis_client.client()
        for batch in snapshots.newest(group, start, end):
            for rows in batches_by_size(_rows(group, batch), lambda row: sum(map(len, row.fields.values()))):
                written += _write(client, group, rows, latest)
    return written


def mark_materialized(group: str, event_time: datetime) -> None:
    """Record that a group was loaded, last of all: a Redis without this mark was never filled, or lost its data.

    Raises:
        FeaturesUnavailable: Redis is away or refuses.
    """
    with redis_client.connection("written") as client:
        client.hset(MARKER, mapping={group: str(event_time.timestamp()), group + LOADED: str(time.time())})


def _rows(group: str, batch: pa.RecordBatch) -> list[Row]:
    names = storage_format.layout(group).names
    times = [one.replace(tzinfo=UTC).timestamp() for one in batch["event_timestamp"].to_pylist()]
    columns = [batch[name].to_pylist() for name in names]
    rows = []
    for user_id, event_time, *values in zip(batch["user_id"].to_pylist(), times, *columns, strict=True):
        primitives = {name: value for name, value in zip(names, values, strict=True)}
        if primitives[names[-1]] is None:  # no feature without a definition
            del primitives[names[-1]]
        fields = storage_format.encode(group, primitives, event_time)
        rows.append(Row(user_id, storage_format.key(user_id), fields, primitives, event_time))
    return rows


def _write(client: redis.Redis, group: str, rows: Sequence[Row], latest: float) -> int:
    """Write a batch in one transaction, which fails where another client writes one of its users in between."""
    for _ in range(ATTEMPTS):
        try:
            return _write_once(client, group, rows, latest)
        except redis.WatchError:
            if len(rows) > 1:  # a smaller batch is written faster
                half = len(rows) // 2
                return sum(_write(client, group, part, latest) for part in (rows[:half], rows[half:]))
    raise FeaturesUnavailable("the features cannot be written: a user is written by others all the time; load again")


def _write_once(client: redis.Redis, group: str, rows: Sequence[Row], latest: float) -> int:
    event_time_fields = storage_format.layout(group).event_time_fields
    log_keys = [streaming.log_key_of(row.user_id) for row in rows] if group == streaming.GROUP else []
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(*(row.key for row in rows), *log_keys)
        with client.pipeline(transaction=False) as reads:
            for row in rows:
                reads.hmget(row.key, event_time_fields)
            for log_key in log_keys:
                reads.exists(log_key)
            answers = reads.execute()
        stored = map(storage_format.newest_event_time, answers[: len(rows)])
        logs = {
            row.user_id: streaming.read_log(client, log_key)
            for row, log_key, exists in zip(rows, log_keys, answers[len(rows) :], strict=False)
            if exists
        }
        pipe.multi()
        written = 0
        for row, newest in zip(rows, stored, strict=True):
            log = logs.get(row.user_id)
            if log is not None:
                base = storage_format.from_primitives(group, row.primitives)
                written += streaming.rebase(pipe, row.user_id, log, Stored(base, row.event_time), latest)
            elif newest is None or newest <= row.event_time or newest > latest:
                write_hash(pipe, group, row.key, row.fields)
                written += 1
        pipe.execute()
    return written
