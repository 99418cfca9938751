"""A Redis stream of transactions: acknowledged, taken over, refused; with a real Redis."""

import json
from datetime import UTC, datetime

import pytest

from nivesh.errors import DataError, FeaturesUnavailable
from nivesh.store import loading, online_store, streaming, transaction_stream
from nivesh.store.transaction_stream import CONSUMER_GROUP, STREAM, consume, validated
from tests.store.test_streaming import offline, payment


@pytest.fixture(autouse=True)
def filled(store):
    loading.mark_materialized(streaming.GROUP, datetime(2025, 8, 1, tzinfo=UTC))


def add(store, *records) -> None:
    for record in records:
        text = record if isinstance(record, str) else json.dumps(record)
        store.client.xadd(STREAM, {"transaction": text})


def until_empty(empty: bool) -> bool:
    return empty


def test_entries_are_in_the_profile_and_acknowledged(store):
    transactions = [payment(number, 5 * number) for number in range(150)]
    add(store, *({"user_id": "u", "transaction": one} for one in [*transactions, transactions[3]]))
    assert consume(until_empty) == {"applied": 150, "duplicate": 1}
    assert online_store.get_features("u", streaming.GROUP) == offline("u", transactions)
    assert store.client.xpending(STREAM, CONSUMER_GROUP)["pending"] == 0


def test_what_a_killed_consumer_left_is_taken_over(store, monkeypatch):
    add(store, *({"user_id": "u", "transaction": payment(number, number)} for number in range(10)))
    applied = []

    def killed(*arguments):
        if len(applied) == 4:
            raise KeyboardInterrupt
        applied.append(streaming_apply(*arguments))
        return applied[-1]

    streaming_apply = streaming.apply_transaction
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(streaming, "apply_transaction", killed)
        consume(until_empty, consumer="first")
    monkeypatch.setattr(transaction_stream, "ABANDONED_MS", 0)
    outcomes = consume(until_empty, consumer="second")
    assert outcomes == {"applied": 6}
    assert online_store.get_features("u", streaming.GROUP) == offline("u", [payment(n, n) for n in range(10)])


def test_refused_entries_are_kept_apart_with_the_reason(store):
    add(store, "no JSON", {"user_id": "u"}, {"user_id": "u", "transaction": payment(1, 0, amount=-5)})
    store.client.xadd(STREAM, {"other": "field"})
    add(store, {"user_id": "u", "transaction": payment(2, 0)})
    assert consume(until_empty) == {"rejected": 4, "applied": 1}
    reasons = [fields[b"error"].decode() for _, fields in store.client.xrange(f"{STREAM}:rejected")]
    for reason, word in zip(reasons, ("not JSON", "transaction: Field required", "amount", "no field"), strict=True):
        assert word in reason


def test_entries_stay_where_redis_lost_its_data(store):
    store.client.flushall()
    add(store, {"user_id": "u", "transaction": payment(2, 0)})
    with pytest.raises(FeaturesUnavailable, match="lost its data"):
        consume(until_empty)
    assert store.client.xpending(STREAM, CONSUMER_GROUP)["pending"] == 1


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "give an object"),
        ({"user_id": "u"}, "transaction: Field required"),
        ({"user_id": "u", "transaction": payment(1, 0, transaction_id="")}, "transaction_id: missing"),
        ({"user_id": "", "transaction": payment(1, 0)}, "user_id"),
        ({"user_id": "u", "transaction": payment(1, 0, unknown=1)}, "transaction.unknown"),
    ],
)
def test_what_does_not_fit_the_schema(record, message):
    with pytest.raises(DataError, match=message):
        validated(record)
