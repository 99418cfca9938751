"""Snapshots, frames of the past, and Feast's settings; with a real Redis."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.errors import DataError, SettingsError
from nivesh.features.feature_views import FEATURE_TTL, views_of
from nivesh.features.finances import USER_FEATURES, user_financial_features
from nivesh.store import feast_repo, online_store, snapshots

MOMENTS = [pd.Timestamp(f"2025-{month:02}-01") for month in (3, 4, 5)]
WHO = ["user_123", "user_456"]


@pytest.fixture
def history(store):
    """Finances of a few users at three moments; by moment, as the pure function gives them."""
    rows = data.read("transactions")
    rows = rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:8]) | rows["user_id"].isin(WHO)]
    made = {moment: user_financial_features(rows, moment) for moment in MOMENTS}
    for moment, frame in made.items():
        kept = frame.astype(object).where(frame.notna(), None).to_dict(orient="index")
        snapshots.write("finances", kept, moment.to_pydatetime().replace(tzinfo=UTC))
    return made


def test_a_frame_knows_what_was_known_then_and_nothing_later(history):
    users = list(history[MOMENTS[0]].index)
    asked = pd.DataFrame(
        [(user, moment + pd.Timedelta(days=days)) for user in users for moment in MOMENTS for days in (0, 17)],
        columns=["user_id", "event_timestamp"],
    ).assign(loan_amount=lambda frame: range(len(frame)))
    asked = asked.sample(frac=1, random_state=0)
    frame = feast_repo.training_frame("credit_risk", asked)
    pd.testing.assert_frame_equal(frame[asked.columns], asked)
    for _, row in frame.iterrows():
        then = max(moment for moment in MOMENTS if moment <= row["event_timestamp"])
        expected = history[then].loc[row["user_id"], list(USER_FEATURES)].to_numpy(float)
        np.testing.assert_array_equal(row[list(USER_FEATURES)].to_numpy(float), expected)
    assert history[MOMENTS[0]].to_numpy().tolist() != history[MOMENTS[2]].to_numpy().tolist()


def test_the_frame_is_that_of_feast(history):
    asked = pd.DataFrame(
        [(user, moment + pd.Timedelta(days=5, seconds=1)) for moment in MOMENTS for user in history[moment].index],
        columns=["user_id", "event_timestamp"],
    )
    feast = feast_repo.open_store()
    views = [f"{domain.name}:{name}" for domain in views_of("finances")[:-1] for name in domain.features]
    theirs = feast.get_historical_features(asked, views).to_df().sort_values(["event_timestamp", "user_id"])
    ours = feast_repo.training_frame("credit_risk", asked).sort_values(["event_timestamp", "user_id"])
    np.testing.assert_array_equal(ours[list(USER_FEATURES)].to_numpy(), theirs[list(USER_FEATURES)].to_numpy(float))


def test_rows_without_a_snapshot_stay_and_are_missing(history):
    late = MOMENTS[-1] + FEATURE_TTL + pd.Timedelta(days=1)
    asked = pd.DataFrame(
        {
            "user_id": ["nobody", history[MOMENTS[0]].index[0], history[MOMENTS[0]].index[0]],
            "event_timestamp": [MOMENTS[1], MOMENTS[0] - pd.Timedelta(days=1), late],
        }
    )
    frame = feast_repo.training_frame("credit_risk", asked)
    assert frame[list(USER_FEATURES)].isna().all(axis=None) and len(frame) == 3


def test_loads_go_on_where_the_last_one_ended(history, store):
    first, _, last = (moment.to_pydatetime().replace(tzinfo=UTC) for moment in MOMENTS)
    user = history[MOMENTS[0]].index[0]
    feast = feast_repo.open_store()
    feast_repo.materialize(feast, first - FEATURE_TTL, first)
    assert online_store.read([user])[user].moment == first.timestamp()
    feast_repo.materialize(feast, None, last)
    assert online_store.read([user])[user].moment == last.timestamp()
    expected = history[MOMENTS[2]].loc[user].to_dict()
    assert online_store.get_features(user) == {k: None if v != v else v for k, v in expected.items()}


def test_what_feast_writes_does_not_end_with_what_was_saved_before(history, store, monkeypatch):
    first = MOMENTS[0].to_pydatetime().replace(tzinfo=UTC)
    user = history[MOMENTS[0]].index[0]
    monkeypatch.setattr("time.time", lambda: first.timestamp() - 100)
    online_store.save_features(user, {"monthly_income": 1, "mine": 2}, ttl=200)
    feast_repo.materialize(feast_repo.open_store(), first - FEATURE_TTL, first)
    monkeypatch.setattr("time.time", lambda: first.timestamp() + 1000)
    found = online_store.get_features(user)
    assert found["monthly_income"] == history[MOMENTS[0]].loc[user, "monthly_income"]
    assert "mine" not in found


def test_a_model_without_features_has_no_frame(home):
    with pytest.raises(DataError, match="reads no features"):
        feast_repo.training_frame("intent_classifier", pd.DataFrame())


def test_a_frame_before_anything_was_made(store):
    moments = pd.DataFrame({"user_id": ["user_123"], "event_timestamp": [datetime(2025, 1, 1)]})
    with pytest.raises(DataError, match="nivesh features materialize"):
        feast_repo.training_frame("credit_risk", moments)


@pytest.mark.parametrize(
    ("url", "host", "options"),
    [
        ("redis://localhost", "localhost", {}),
        (
            "rediss://app:1e5@features.example:6380/2?ssl_ca_certs=/certs/ca.pem&ssl_cert_reqs=required",
            "features.example",
            {"username": "app", "password": "1e5", "db": 2, "ssl": True, "ssl_ca_certs": "/certs/ca.pem"},
        ),
        ("redis://:a%2Cb%3D%22%24%27@h:1", "h", {"password": "a,b=\"$'"}),
        ("unix://:p@/run/redis.sock", "localhost", {"password": "p", "unix_socket_path": "/run/redis.sock"}),
    ],
)
def test_feast_reads_every_option_of_a_url(home, url, host, options):
    from feast.infra.online_stores.redis import RedisOnlineStore

    config = feast_repo.config(redis_url=url)
    (node,), read = RedisOnlineStore._parse_connection_string(config.online_store.connection_string)
    assert node["host"] == host
    assert {name: read.get(name) for name in options} == options
    assert config.online_store.key_ttl_seconds == FEATURE_TTL.total_seconds()
    assert str(home) in config.registry.path


def test_a_home_with_any_name(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "a: b #c 'd पुणे"))
    for name in ("feature_store.yaml", "feature_store.ray.yaml"):
        config = feast_repo.config(name, "redis://localhost")
        assert config.registry.path == f"{tmp_path}/a: b #c 'd पुणे/features/registry.db"


def test_what_is_no_url_of_redis(home):
    with pytest.raises(SettingsError, match="NIVESH_REDIS_URL"):
        feast_repo.connection_string("http://localhost")
