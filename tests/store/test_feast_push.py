"""Transactions through Feast's push source: the same profile as by every other way, each transaction_id once."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from nivesh.errors import DataError
from nivesh.store import feast_store, loading, online_store
from nivesh.store.streaming import GROUP, Outcome, apply_transaction
from tests.store.test_streaming import offline, payment


@pytest.fixture
def feast(store):
    loading.mark_materialized(GROUP, datetime(2025, 8, 1, tzinfo=UTC))
    return feast_store.open_store()


def pushed(*transactions: dict, user: str = "u") -> pd.DataFrame:
    rows = pd.DataFrame(transactions).assign(user_id=user)
    return rows.assign(event_timestamp=pd.to_datetime(rows["timestamp"]))


def test_a_push_is_in_the_profile_once_whichever_way_it_came_first(feast):
    transactions = [payment(number, 10 * number) for number in range(6)]
    assert apply_transaction("u", transactions[2]).outcome == Outcome.APPLIED  # by POST /transactions
    for _ in range(2):  # the pusher tries again
        feast.push("transactions", pushed(*reversed(transactions)))
    assert online_store.get_features("u", GROUP) == offline("u", transactions)
    assert apply_transaction("u", transactions[5]).outcome == Outcome.DUPLICATE
    read = feast.get_online_features(["behaviour:last_time"], [{"user_id": "u"}]).to_dict()
    assert read["last_time"] == [offline("u", transactions)["last_time"]]


def test_a_row_that_does_not_fit_leaves_nothing_of_its_push(feast):
    for wrong, message in (
        ({"amount": -5}, "row 1 of the push: .*amount"),
        ({"transaction_id": None}, "row 1 of the push: .*transaction_id"),
        ({"timestamp": "2090-01-01T00:00:00"}, "row 1 of the push: .*in the future"),
    ):
        with pytest.raises(DataError, match=message):
            feast.push("transactions", pushed(payment(1, 0), payment(2, 1) | wrong))
    with pytest.raises(DataError, match="needs the column user_id; found amount"):
        feast.push("transactions", pd.DataFrame({"amount": [1.0]}))
    assert online_store.get_features("u", GROUP) is None


def test_outcomes_are_counted(feast):
    rows = pushed(payment(1, 0), payment(1, 0), payment(2, 1))
    rows["timestamp"] = pd.to_datetime(rows["timestamp"])  # a column of times, as Feast's clients have it
    assert feast_store.push_transactions(rows) == {"applied": 2, "duplicate": 1}
