"""Snapshots into Redis: order of event times, clocks that are ahead, concurrent writers; with a real Redis."""

from datetime import UTC, datetime, timedelta

import pytest

from nivesh.errors import FeaturesUnavailable
from nivesh.features.finances import USER_FEATURES
from nivesh.store import loading, online_store, snapshots, storage_format
from nivesh.store.materialization import load
from tests.store.conftest import EVENT_TIMES

DAY = timedelta(days=1)
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def finances(**incomes: float | None) -> dict:
    return {user: dict.fromkeys(USER_FEATURES) | {"monthly_income": income} for user, income in incomes.items()}


def write_and_load(event_time: datetime, now: datetime = NOW, **incomes: float | None) -> int:
    snapshots.write("finances", finances(**incomes), event_time)
    return loading.load("finances", event_time, event_time, now)


def income(user: str) -> float | None:
    features = online_store.get_features(user)
    return features["monthly_income"] if features else None


def test_an_incremental_load_continues_where_the_last_one_ended(history, store):
    first, _, last = (time.to_pydatetime().replace(tzinfo=UTC) for time in EVENT_TIMES)
    user = history[EVENT_TIMES[0]].index[0]
    load(["finances"], first, NOW)
    assert online_store.read([user])[user].event_time == first.timestamp()
    load(["finances"], last, NOW, incremental=True)
    assert online_store.read([user])[user].event_time == last.timestamp()
    expected = history[EVENT_TIMES[2]].loc[user].to_dict()
    assert online_store.get_features(user) == {k: None if v != v else v for k, v in expected.items()}


def test_loaded_features_do_not_expire_with_those_saved_before(history, store, monkeypatch):
    first = EVENT_TIMES[0].to_pydatetime().replace(tzinfo=UTC)
    user = history[EVENT_TIMES[0]].index[0]
    monkeypatch.setattr("time.time", lambda: first.timestamp() - 100)
    online_store.save_features(user, {"monthly_income": 1, "mine": 2}, ttl=200)
    load(["finances"], first, NOW)
    monkeypatch.setattr("time.time", lambda: first.timestamp() + 1000)
    found = online_store.get_features(user)
    assert found["monthly_income"] == history[EVENT_TIMES[0]].loc[user, "monthly_income"]
    assert "mine" not in found


def test_newer_features_stay_and_the_same_event_time_is_replaced(store):
    assert write_and_load(NOW - DAY, a=1, b=1) == 2
    assert write_and_load(NOW - 2 * DAY, a=2) == 0
    assert income("a") == 1
    assert write_and_load(NOW - DAY, a=3) == 2
    assert (income("a"), income("b")) == (3, 1)


def test_a_value_that_became_missing_is_missing(store):
    write_and_load(NOW - 2 * DAY, a=1)
    write_and_load(NOW - DAY, a=None)
    assert online_store.get_features("a") == dict.fromkeys(USER_FEATURES)


def test_what_a_clock_ahead_wrote_does_not_keep_later_loads_out(store):
    ahead = NOW + 365 * DAY
    write_and_load(ahead, now=ahead, a=1)
    assert write_and_load(NOW - DAY, a=2) == 1
    assert income("a") == 2
    loading.mark_materialized("finances", ahead)
    snapshots.write("finances", finances(a=3), NOW)
    load(["finances"], NOW, NOW, incremental=True)
    assert income("a") == 3


def test_an_incremental_load_after_redis_lost_its_data_loads_all(store):
    snapshots.write("finances", finances(a=1), NOW - 2 * DAY)
    load(["finances"], NOW - 2 * DAY, NOW, incremental=True)
    store.client.flushall()
    snapshots.write("finances", finances(b=2), NOW - DAY)
    load(["finances"], NOW - DAY, NOW, incremental=True)
    assert (income("a"), income("b")) == (1, 2)


def test_a_user_written_in_between_is_compared_again(store, monkeypatch):
    users = [f"u{number}" for number in range(5)]
    real, times = storage_format.newest_event_time, []

    def written_by_another_client(answer):
        times.append(1)
        if len(times) == 3:
            newer = storage_format.encode("finances", {"monthly_income": 7.0}, NOW.timestamp())
            store.client.hset(storage_format.key("u3"), mapping=newer)
        return real(answer)

    with monkeypatch.context() as patch:
        patch.setattr(storage_format, "newest_event_time", written_by_another_client)
        assert write_and_load(NOW - DAY, **dict.fromkeys(users, 1)) == 4
    assert [income(user) for user in users] == [1, 1, 1, 7, 1]


def test_a_user_written_all_the_time_ends_the_load(store, monkeypatch):
    def always_written(answer):
        store.client.hincrby(storage_format.key("a"), b"x", 1)

    monkeypatch.setattr(storage_format, "newest_event_time", always_written)
    with pytest.raises(FeaturesUnavailable, match="load again"):
        write_and_load(NOW - DAY, a=1)


def test_large_users_are_written_in_more_round_trips():
    sizes = [online_store.BATCH_BYTES] * 2 + [1] * (online_store.BATCH_USERS + 1)
    batches = [len(batch) for batch in online_store.batches_by_size(sizes, lambda size: size)]
    assert batches == [1, 1, online_store.BATCH_USERS, 1]
