"""A Redis stream of transactions, folded into the users' profiles by any number of consumers.

    XADD nivesh:transactions * transaction '{"user_id": "user_123", "transaction": {"transaction_id": "T1", ...}}'

The field ``transaction`` is the JSON body of ``POST /transactions``. An entry is acknowledged when it is in the profile, so
that a consumer that is killed loses none; one that is read twice counts once (``streaming.apply_transaction``).
"""

import os
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import redis
from pydantic import ValidationError

from nivesh.errors import DataError
from nivesh.models.anomaly_detector.schema import Request
from nivesh.settings import settings
from nivesh.store import redis_client, streaming
from nivesh.store.transaction_log import Transaction

STREAM, CONSUMER_GROUP, FIELD = "nivesh:transactions", "nivesh", b"transaction"
BATCH_ENTRIES = 100
ABANDONED_MS = 30_000  # milliseconds after which entries of a consumer that did not acknowledge them are taken over
REJECTED = "rejected"
MAX_REJECTED = 10_000  # entries kept in the stream of those that were refused


def validated(record: Any) -> tuple[str, Transaction]:
    """The user id and the transaction of a record, as ``POST /transactions`` and the stream carry it.

    Raises:
        DataError: it does not fit the schema; the message names the field.
    """
    if not isinstance(record, dict):
        raise DataError("give an object with user_id and transaction")
    try:
        request = Request(**record)
    except (ValidationError, TypeError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        sentence = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems) or str(error)
        raise DataError(sentence) from None
    if not request.transaction.transaction_id:
        raise DataError("transaction.transaction_id: missing; it is how a second copy of a transaction is recognised")
    return request.user_id, request.transaction.model_dump()


def consume(
    stopped: Callable[[bool], bool],
    stream: str = STREAM,
    consumer_group: str = CONSUMER_GROUP,
    consumer: str | None = None,
) -> Counter[str]:
    """Apply the entries of a stream until stopped. Entries that are refused go to the stream ``<stream>:rejected``.

    Args:
        stopped: called between batches with whether the last one was empty; True ends the consumption.
        stream: key of the stream, which is created where it does not exist.
        consumer_group: its consumers share the entries.
        consumer: name of this one; host and process id where it is not given.

    Returns:
        The number of entries by outcome: those of ``streaming.Outcome``, and "rejected".

    Raises:
        FeaturesUnavailable: Redis is away or refuses, or lost its data; entries that were not acknowledged stay.
    """
    name = consumer or f"{socket.gethostname()}-{os.getpid()}"
    outcomes: Counter[str] = Counter()
    with redis_client.translated_errors("written"):
        client = redis_client.client()
        try:
            client.xgroup_create(stream, consumer_group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        empty = False
        while not stopped(empty):
            entries = _next_entries(client, stream, consumer_group, name)
            empty = not entries
            for entry_id, fields in entries:
                outcomes[_apply(client, stream, entry_id, fields)] += 1
                client.xack(stream, consumer_group, entry_id)
    return outcomes


def _next_entries(
    client: redis.Redis, stream: str, consumer_group: str, consumer: str
) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Entries that another consumer left unacknowledged, else new ones; waits for half of NIVESH_REDIS_TIMEOUT."""
    _, abandoned, *_ = client.xautoclaim(stream, consumer_group, consumer, ABANDONED_MS, count=BATCH_ENTRIES)
    if abandoned:
        return [(entry_id, fields or {}) for entry_id, fields in abandoned]
    wait = max(1, int(settings().redis_timeout * 500))
    answer = client.xreadgroup(consumer_group, consumer, {stream: ">"}, count=BATCH_ENTRIES, block=wait)
    return answer[0][1] if answer else []


def _apply(client: redis.Redis, stream: str, entry_id: bytes, fields: dict[bytes, bytes]) -> str:
    try:
        if FIELD not in fields:
            raise DataError(f"the entry has no field {FIELD.decode()}")
        try:
            record = orjson.loads(fields[FIELD])
        except orjson.JSONDecodeError as error:
            raise DataError(f"not JSON: {error}") from None
        return streaming.apply_transaction(*validated(record)).outcome
    except DataError as error:
        rejected: dict[Any, Any] = {**fields, b"id": entry_id, b"error": str(error)}
        client.xadd(f"{stream}:{REJECTED}", rejected, maxlen=MAX_REJECTED, approximate=True)
        return REJECTED
