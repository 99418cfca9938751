import threading

import numpy as np
import pandas as pd
import pytest

from nivesh import feature_store
from nivesh.errors import DataError, FeaturesUnavailable

pytestmark = pytest.mark.usefixtures("home")


def test_the_guides_calls():
    assert feature_store.save_features(user_id="user_123", features={"monthly_income": 60000}, ttl=3600)
    assert feature_store.get_features(user_id="user_123") == {"monthly_income": 60000}
    assert feature_store.save_batch_features({"a": {"x": 1}, "b": {"x": 2}}) == 2
    assert feature_store.get_batch_features(["a", "b", "c"]) == {"a": {"x": 1}, "b": {"x": 2}, "c": None}


def test_missing_features_are_computed_once():
    asked = []

    def compute(user_id):
        asked.append(user_id)
        return {"x": 7}

    for _ in range(2):
        assert feature_store.compute_if_missing(user_id="user_5", compute_fn=compute) == {"x": 7}
    assert asked == ["user_5"]


def test_groups_do_not_meet():
    feature_store.save_features("u", {"x": 1})
    feature_store.save_features("u", {"y": 2}, group="behaviour")
    assert feature_store.get_features("u") == {"x": 1}
    assert feature_store.get_features("u", "behaviour") == {"y": 2}
    assert feature_store.count("behaviour") == 1


def test_old_features_are_gone(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    feature_store.save_features("u", {"x": 1}, ttl=60)
    feature_store.save_features("forever", {"x": 1}, ttl=None)
    now += 59
    assert feature_store.get_features("u") == {"x": 1}
    now += 2
    assert feature_store.get_features("u") is None
    assert feature_store.get_features("forever") == {"x": 1}


def test_numpy_and_pandas_values_are_kept_as_plain_ones():
    made = {"n": np.int64(3), "share": np.float32(0.5), "days": np.array([1, 2]), "at": pd.Timestamp("2025-01-01")}
    feature_store.save_features("u", made)
    assert feature_store.get_features("u") == {"n": 3, "share": 0.5, "days": [1, 2], "at": "2025-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("user", "features", "ttl", "message"),
    [
        ("", {}, 60, "user_id=''"),
        ("u", [1], 60, "are a list"),
        ("u", {"x": float("nan")}, 60, "cannot be kept as JSON"),
        ("u", {"x": object()}, 60, "is no JSON value"),
        ("u", {}, 0, "ttl=0"),
    ],
)
def test_what_cannot_be_kept(user, features, ttl, message):
    with pytest.raises(DataError, match=message):
        feature_store.save_features(user, features, ttl)


def test_a_batch_is_kept_whole_or_not_at_all():
    with pytest.raises(DataError):
        feature_store.save_batch_features({"good": {"x": 1}, "bad": {"x": object()}})
    assert feature_store.get_features("good") is None


def test_a_broken_file_is_unavailable_not_missing(home):
    home.mkdir()
    (home / "features.db").write_bytes(b"this is no database, and long enough to be read as one" * 20)
    with pytest.raises(FeaturesUnavailable):
        feature_store.get_features("u")


def test_threads_read_and_write_together():
    def write(number):
        for turn in range(20):
            feature_store.save_features(f"u{number}", {"turn": turn})
            assert feature_store.get_features(f"u{number}") == {"turn": turn}

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert feature_store.count() == 4
