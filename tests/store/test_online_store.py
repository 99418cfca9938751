import threading
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError, FeaturesUnavailable, UserNotFound
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.store import loading, online_store, redis_client, storage_format

pytestmark = pytest.mark.usefixtures("store")


def test_the_guides_calls():
    assert online_store.save_features(user_id="user_123", features={"monthly_income": 60000}, ttl=3600)
    assert online_store.get_features(user_id="user_123") == {"monthly_income": 60000}
    assert online_store.save_batch_features({"a": {"x": 1}, "b": {"x": 2}}) == 2
    assert online_store.get_batch_features(["a", "b", "c"]) == {"a": {"x": 1}, "b": {"x": 2}, "c": None}


def test_missing_features_are_computed_once():
    asked = []

    def compute(user_id):
        asked.append(user_id)
        return {"x": 7}

    for _ in range(2):
        assert online_store.compute_if_missing(user_id="user_5", compute_fn=compute) == {"x": 7}
    assert asked == ["user_5"]


def test_groups_do_not_meet():
    online_store.save_features("u", {"x": 1})
    online_store.save_features("u", {"y": 2}, group="behaviour")
    assert online_store.get_features("u") == {"x": 1}
    assert online_store.get_features("u", "behaviour") == {"y": 2}
    assert online_store.count("behaviour") == 1


def test_old_features_are_gone(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    online_store.save_features("u", {"x": 1}, ttl=60)
    online_store.save_features("forever", {"x": 1}, ttl=None)
    now += 59
    assert online_store.get_features("u") == {"x": 1}
    now += 2
    assert online_store.get_features("u") is None
    assert online_store.get_features("forever") == {"x": 1}


def test_numpy_and_pandas_values_are_kept_as_plain_ones():
    made = {"n": np.int64(3), "share": np.float32(0.5), "days": np.array([1, 2]), "at": pd.Timestamp("2025-01-01")}
    online_store.save_features("u", made)
    assert online_store.get_features("u") == {"n": 3, "share": 0.5, "days": [1, 2], "at": "2025-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("user", "features", "ttl", "message"),
    [
        ("", {}, 60, "user_id=''"),
        ("u", [1], 60, "are a list"),
        ("u", {"x": float("nan")}, 60, "cannot be kept as JSON"),
        ("u", {"x": object()}, 60, "is not a JSON value"),
        ("u", {"x": pd.NaT}, 60, "is not a JSON value"),
        ("u", {"x": 10**400}, 60, "cannot be kept as JSON"),
        ("u", {"monthly_income": 10**400}, 60, "cannot be kept"),
        ("u", {}, 0, "ttl=0"),
        ("u", {}, float("inf"), "ttl=inf"),
        ("u", {}, float("nan"), "ttl=nan"),
        ("u", {}, "60", "ttl='60'"),
    ],
)
def test_what_cannot_be_kept(user, features, ttl, message):
    with pytest.raises(DataError, match=message):
        online_store.save_features(user, features, ttl)


def test_what_is_no_user_id_is_told_on_reading_too():
    for wrong in ("", 5, None):
        with pytest.raises(DataError, match="give a string"):
            online_store.get_features(wrong)


def test_a_batch_is_kept_whole_or_not_at_all():
    with pytest.raises(DataError):
        online_store.save_batch_features({"good": {"x": 1}, "bad": {"x": object()}})
    assert online_store.get_features("good") is None


def test_threads_read_and_write_together():
    def write(number):
        for turn in range(20):
            online_store.save_features(f"u{number}", {"turn": turn})
            assert online_store.get_features(f"u{number}") == {"turn": turn}

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert online_store.count() == 4


@pytest.mark.parametrize(
    "features",
    [
        {"monthly_income": 60000, "on_time_payment_pct": None},
        {"monthly_income": 1.5, "city": "पुणे", "list": [1, {}]},
        {},
    ],
)
def test_a_users_features_are_replaced_whole(features):
    online_store.save_features("u", {"existing_emis": 1, "monthly_income": 2, "mine": 3})
    online_store.save_features("u", features)
    assert online_store.get_features("u") == features


def test_a_number_must_be_a_number():
    for wrong in ("many", True, float("inf"), [1]):
        with pytest.raises(DataError, match="monthly_income"):
            online_store.save_features("u", {"monthly_income": wrong})


def test_many_users_in_several_round_trips():
    many = {f"u{number}": {"monthly_income": number} for number in range(3 * online_store.BATCH_USERS + 1)}
    assert online_store.save_batch_features(many) == len(many)
    assert online_store.get_batch_features([*many, "nobody"]) == {**many, "nobody": None}
    assert online_store.count() == len(many)


def test_redis_forgets_users_in_the_end(store):
    online_store.save_features("u", {"x": 1})
    assert 0 < store.client.ttl(storage_format.key("u")) <= FEATURE_TTL.total_seconds()


def test_what_cannot_be_read_is_unavailable_not_missing(store):
    online_store.save_features("u", {"monthly_income": 1})
    store.client.hset(storage_format.key("u"), storage_format.field("income", "monthly_income"), b"\xff\xff")
    with pytest.raises(FeaturesUnavailable, match="cannot be read"):
        online_store.get_features("u")


def test_half_of_a_group_is_not_there_yet(store):
    online_store.save_features("u", {"monthly_income": 1})
    store.client.hdel(storage_format.key("u"), "_ts:debts")
    assert online_store.get_features("u") is None


def test_a_redis_that_was_restarted_is_used_again(store):
    online_store.save_features("u", {"x": 1})
    store.kill()
    for _ in range(2):
        with pytest.raises(FeaturesUnavailable):
            online_store.get_features("u")
        with pytest.raises(FeaturesUnavailable):
            online_store.save_features("u", {"x": 2})
    store.start()
    assert online_store.get_features("u") == {"x": 1}


def test_one_slow_reply_refuses_nobody_and_several_open_the_circuit(store, monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_TIMEOUT", "0.2")
    monkeypatch.setattr(redis_client.breaker, "reset_seconds", 1.5)
    online_store.close()
    online_store.save_features("u", {"x": 1})
    store.freeze()
    try:
        for _ in range(redis_client.breaker.max_failures):
            started = time.monotonic()
            with pytest.raises(FeaturesUnavailable, match="in time"):
                online_store.get_features("u")
            assert time.monotonic() - started < 1
        started = time.monotonic()
        for _ in range(20):  # requests do not queue up
            with pytest.raises(FeaturesUnavailable, match="is called again in"):
                online_store.get_features("u")
        assert time.monotonic() - started < 1
    finally:
        store.thaw()
    time.sleep(1.6)
    assert online_store.get_features("u") == {"x": 1}
    store.freeze()
    try:
        with pytest.raises(FeaturesUnavailable, match="in time"):
            online_store.get_features("u")
    finally:
        store.thaw()
    assert online_store.get_features("u") == {"x": 1}, "one slow reply"


def test_a_full_redis_is_told_without_what_was_written(store):
    store.client.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(FeaturesUnavailable, match="used memory") as told:
            while True:
                online_store.save_batch_features({"secret-user": {"x": "y" * 100_000}, "other": {}})
    finally:
        store.client.config_set("maxmemory", 0)
    assert "secret-user" not in str(told.value) and "yyy" not in str(told.value)
    online_store.save_features("u", {"x": 1})
    assert online_store.get_features("u") == {"x": 1}


def test_each_thread_may_read(store):
    online_store.save_features("u", {"x": 1})
    found, ready = [], threading.Barrier(150)

    def read():
        ready.wait()
        found.extend(online_store.get_features("u") for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"x": 1}] * 750


def test_an_unknown_user_is_not_found_only_where_the_store_was_filled(store):
    online_store.save_features("known", {"x": 1})
    with pytest.raises(FeaturesUnavailable, match="never filled, or Redis lost its data"):
        online_store.read_existing(["known", "unknown"], "finances")
    loading.mark_materialized("finances", datetime(2025, 5, 1, tzinfo=UTC))
    assert online_store.materialized("finances") == datetime(2025, 5, 1, tzinfo=UTC).timestamp()
    with pytest.raises(UserNotFound, match="unknown"):
        online_store.read_existing(["known", "unknown"], "finances")
    with pytest.raises(FeaturesUnavailable, match="behaviour"):
        online_store.read_existing(["unknown"], "behaviour")
    store.client.flushall()
    with pytest.raises(FeaturesUnavailable, match="nivesh features materialize"):
        online_store.read_existing(["known"], "finances")


def test_features_of_the_future_are_not_fresh(monkeypatch):
    now = time.time()
    for ahead, served in ((299, True), (301, False)):
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda ahead=ahead: now + ahead)
            online_store.save_features("u", {"x": 1}, ttl=None)
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda: now)
            if served:
                assert online_store.read_existing(["u"], "finances")["u"].features == {"x": 1}
            else:
                with pytest.raises(FeaturesUnavailable, match="301 s in the future"):
                    online_store.read_existing(["u"], "finances")
