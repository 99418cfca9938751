"""Streamed transactions: an accepted transaction is in its user's profile for the next request.

Beside the profile, which stays in Feast's format, a user has a hash ``nivesh:log:<user>`` with their ``TransactionLog``:
``checkpoint`` and ``snapshot`` (JSON), ``base_time``, ``start``, ``fingerprint`` (of the profile as it was written here, so that another
writer's is noticed) and ``tx:<transaction_id>`` (JSON) for each entry. Profile and log change in one transaction, which
Redis refuses where another client has changed one of them since they were read (``WATCH``); then it is tried again.
"""

import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
import redis

from nivesh.errors import DataError, FeaturesUnavailable
from nivesh.features.behaviour import updated
from nivesh.features.feature_views import FEATURE_TTL, JSON
from nivesh.features.transaction import parse_transaction
from nivesh.store import online_store, redis_client, storage_format
from nivesh.store.storage_format import MAX_CLOCK_SKEW, Fields, Stored
from nivesh.store.transaction_log import (
    MAX_ENTRIES,
    SNAPSHOT_ENTRIES,
    Snapshot,
    Transaction,
    TransactionLog,
    event_order,
    event_time,
    last_time,
)

GROUP = "behaviour"
ATTEMPTS = 100  # to change a user that others change at the same time
# After a longer silence a transaction does not make a profile fresh: transactions in between may be missing.
MAX_GAP = 35 * 86_400.0  # seconds; the age of features that the anomaly detector accepts
_LOG, _ENTRY = b"nivesh:log:", b"tx:"


class Outcome(StrEnum):
    """What became of a streamed transaction."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  # its id is known; nothing changed
    LATE = "late"  # older than what the profile starts from; the next materialisation has it


class Applied(NamedTuple):
    """What became of a streamed transaction, and the profile against which it is scored.

    Attributes:
        outcome: whether it changed the profile.
        before: the profile before the transaction, the same for every copy of it; None for a user without a past.
    """

    outcome: Outcome
    before: Stored | None


def apply_transaction(user_id: str, transaction: Transaction) -> Applied:
    """Fold a transaction into its user's profile: once per ``transaction_id``, at its place in event order.

    A user without a past gets a profile.

    Args:
        user_id: whose transaction it is.
        transaction: see ``nivesh.features.transaction.parse_transaction``; with a ``transaction_id``.

    Raises:
        DataError: it has no id, is of more than ``MAX_CLOCK_SKEW`` seconds in the future, or cannot be read.
        FeaturesUnavailable: Redis is away or refuses, or lost its data; send the transaction again.
    """
    require_usable(transaction)
    key, log_key = storage_format.key(user_id), log_key_of(user_id)
    with redis_client.connection("written") as client:
        for _ in range(ATTEMPTS):
            try:
                return _apply_once(client, key, log_key, transaction)
            except redis.WatchError:
                continue
    raise FeaturesUnavailable("the profile is changed by others all the time; send the transaction again")


def require_usable(transaction: Transaction) -> None:
    """Refuse a transaction that no profile can take.

    Raises:
        DataError: it has no id, is of more than ``MAX_CLOCK_SKEW`` seconds in the future, or cannot be read.
    """
    if not transaction.get("transaction_id"):
        raise DataError("transaction_id is missing: it is how a second copy of a transaction is recognised")
    ahead = event_time(transaction) - time.time()
    if ahead > MAX_CLOCK_SKEW:
        raise DataError(
            f"timestamp {transaction['timestamp']} is {ahead:.0f} s in the future; correct it, or the sender's clock"
        )


def log_key_of(user_id: str) -> bytes:
    """The key of a user's log."""
    return _LOG + user_id.encode("utf-8", "surrogatepass")


def read_log(client: redis.Redis, log_key: bytes) -> TransactionLog | None:
    """A user's log; None where there is none."""
    fields = client.hgetall(log_key)
    if not fields:
        return None
    entries = [orjson.loads(value) for name, value in fields.items() if name.startswith(_ENTRY)]
    entries.sort(key=event_order)
    (event_time, transaction_id), profile = orjson.loads(fields[b"snapshot"])
    return TransactionLog(
        orjson.loads(fields[b"checkpoint"]),
        float(fields[b"base_time"]),
        tuple(entries),
        Snapshot((event_time, transaction_id), profile),
    )


def write(
    pipe: redis.client.Pipeline,
    key: bytes,
    log_key: bytes,
    log: TransactionLog,
    profile: dict[str, Any] | None,
    at: float,
) -> None:
    """Queue the commands that replace a user's profile and log.

    Args:
        profile: after all entries of the log.
        at: event time of the profile, seconds since 1970 UTC.
    """
    values = _profile_fields(profile, at)
    online_store.write_hash(pipe, GROUP, key, values)
    pipe.delete(log_key)
    mapping = {**_header(log, values), **map_entries(log.entries)}
    pipe.hset(log_key, mapping=mapping)
    pipe.expire(log_key, FEATURE_TTL)


def rebase(pipe: redis.client.Pipeline, user_id: str, log: TransactionLog, base: Stored, latest: float) -> bool:
    """Queue the commands that put a materialised profile below a user's streamed transactions.

    Args:
        log: of the user.
        base: the materialised profile and its event time.
        latest: seconds since 1970 UTC; a base in Redis with a later event time was written by a clock that was ahead.

    Returns:
        Whether the base is taken: it must not be older than the present one, nor lose a transaction.
    """
    if not log.accepts(base.features, base.event_time) and log.base_time <= latest:
        return False
    rebased = log.rebased(base.features, base.event_time)
    at = base.event_time
    for entry in rebased.entries:
        at = _event_time_after(Stored({}, at), entry)
    write(pipe, storage_format.key(user_id), log_key_of(user_id), rebased, rebased.profile, at)
    return True


def map_entries(entries: Sequence[Transaction]) -> Fields:
    """The fields of a log's entries."""
    return {_entry_field(entry): orjson.dumps(entry) for entry in entries}


def _apply_once(client: redis.Redis, key: bytes, log_key: bytes, transaction: Transaction) -> Applied:
    fields = storage_format.layout(GROUP).fields
    happened = parse_transaction(transaction).event_time
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(key, log_key)
        with client.pipeline(transaction=False) as reads:
            reads.hmget(key, fields)
            reads.hmget(log_key, [b"fingerprint", b"start", _entry_field(transaction)])
            reads.hlen(log_key)
            answer, (fingerprint, start, known), length = reads.execute()
        stored = storage_format.decode(GROUP, answer, time.time())
        if stored is None:
            _require_materialized()
        elif fingerprint is not None and fingerprint == _fingerprint(dict(zip(fields, answer, strict=True))):
            # The usual case: the stored profile is that of the log, of which only one entry is touched.
            folded = last_time(stored.features)
            if known and happened > folded:  # pending in the profile, where scoring leaves it out
                return Applied(Outcome.DUPLICATE, stored)
            if happened < int(start):
                return Applied(Outcome.LATE, stored)
            if not known and happened >= folded and length <= MAX_ENTRIES:
                after = updated(stored.features, transaction)
                if after["recent_ids"] == stored.features["recent_ids"]:
                    return Applied(Outcome.DUPLICATE, stored)
                pipe.multi()
                values = _profile_fields(after, _event_time_after(stored, transaction))
                online_store.write_hash(pipe, GROUP, key, values)
                mapping: Fields = {
                    b"fingerprint": _fingerprint(values),
                    **map_entries([transaction]),
                }
                if length % SNAPSHOT_ENTRIES == 0:
                    mapping[b"snapshot"] = orjson.dumps([event_order(transaction), stored.features])
                pipe.hset(log_key, mapping=mapping)
                pipe.expire(log_key, FEATURE_TTL)
                pipe.execute()
                return Applied(Outcome.APPLIED, stored)
            log = read_log(client, log_key) or TransactionLog(None, 0.0)
            return _apply_to(log, pipe, key, log_key, transaction, stored)
        # No log yet, or another writer has replaced the profile, which is then the base of the log's newer entries.
        log = read_log(client, log_key) or TransactionLog(None, 0.0)
        log = log.rebased(stored.features, stored.event_time) if stored else log.rebased(None, 0.0)
        return _apply_to(log, pipe, key, log_key, transaction, stored)


def _apply_to(
    log: TransactionLog,
    pipe: redis.client.Pipeline,
    key: bytes,
    log_key: bytes,
    transaction: Transaction,
    stored: Stored | None,
) -> Applied:
    """The general case: the transaction is not the newest one, or there is no log of this profile yet."""

    def past(profile: dict[str, Any] | None) -> Stored | None:
        known_to = stored.event_time if stored else event_time(transaction)
        return None if profile is None else Stored(profile, known_to)

    late = parse_transaction(transaction).event_time < log.start
    if late or any(entry["transaction_id"] == transaction["transaction_id"] for entry in log.entries):
        return Applied(Outcome.LATE if late else Outcome.DUPLICATE, past(log.before(transaction)))
    inserted = log.insert(transaction)
    if inserted.before and updated(inserted.before, transaction)["recent_ids"] == inserted.before["recent_ids"]:
        return Applied(Outcome.DUPLICATE, past(inserted.before))  # it is in the checkpoint
    pipe.multi()
    write(pipe, key, log_key, inserted.log, inserted.profile, _event_time_after(stored, transaction))
    pipe.execute()
    return Applied(Outcome.APPLIED, past(inserted.before))


def _require_materialized() -> None:
    if online_store.materialized(GROUP) is None:
        raise FeaturesUnavailable(
            "the feature store has no profiles: it was never filled, or Redis lost its data; "
            "run nivesh features materialize, then send the transaction again"
        )


def _event_time_after(stored: Stored | None, transaction: Transaction) -> float:
    """The profile's event time after a transaction, seconds since 1970 UTC."""
    happened = event_time(transaction)
    if stored is None:
        return happened
    return max(happened, stored.event_time) if happened - stored.event_time <= MAX_GAP else stored.event_time


def _profile_fields(profile: dict[str, Any] | None, at: float) -> Fields:
    # A profile is plain JSON by construction, so that orjson can write it: requests wait for this.
    views = storage_format.layout(GROUP).views[:-1]
    kinds = {name: kind for view in views for name, kind in view.features.items()}
    primitives = {
        name: orjson.dumps(value).decode() if kinds[name] == JSON else value for name, value in (profile or {}).items()
    }
    return storage_format.encode(GROUP, primitives, at)


def _header(log: TransactionLog, values: Fields) -> Fields:
    return {
        b"checkpoint": orjson.dumps(log.checkpoint),
        b"base_time": repr(log.base_time),
        b"snapshot": orjson.dumps([*(log.snapshot or Snapshot((0, ""), log.checkpoint))]),
        b"start": log.start,
        b"fingerprint": _fingerprint(values),
    }


def _fingerprint(values: Mapping[Any, bytes | None]) -> bytes:
    """A digest of a stored profile, without its event time."""
    layout = storage_format.layout(GROUP)
    digest = blake2b(digest_size=16)
    for name in layout.fields[: len(layout.names)]:
        value = values.get(name) or b""
        digest.update(len(value).to_bytes(4, "little") + value)
    return digest.digest()


def _entry_field(transaction: Transaction) -> bytes:
    return _ENTRY + str(transaction["transaction_id"]).encode("utf-8", "surrogatepass")
