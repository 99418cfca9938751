import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from nivesh import data, models
from nivesh.errors import DataError, FeaturesUnavailable
from nivesh.store import online_store
from nivesh.store.materialization import materialize


def test_every_group_is_made_for_every_user(home, tmp_path):
    rows = data.read("transactions")
    some = sorted(rows["user_id"].unique())[:4]
    rows[rows["user_id"].isin(some)].to_parquet(tmp_path / "rows.parquet")
    told = []
    users = materialize(tmp_path / "rows.parquet", lambda *step: told.append(step))
    wanted = {models.get(key).spec.user_features for key in models.keys()} - {""}
    assert users == dict.fromkeys(wanted, 4)
    assert told[0][0] == 0 and told[-1][0] == 1
    for group in wanted:
        assert all(online_store.get_batch_features(some, group).values())


def test_a_redis_that_is_down_is_told_and_the_next_load_takes_up_what_is_missing(store, tmp_path):
    rows = data.read("transactions")
    user = rows["user_id"].iloc[0]
    rows[rows["user_id"] == user].to_parquet(tmp_path / "rows.parquet")
    store.kill()
    try:
        with pytest.raises(FeaturesUnavailable, match="cannot be written"):
            materialize(tmp_path / "rows.parquet")
    finally:
        store.start()
    assert materialize(tmp_path / "rows.parquet", incremental=True)["finances"] == 1
    assert online_store.get_features(user)


def test_what_is_newer_stays(store, tmp_path):
    rows = data.read("transactions")
    users = sorted(rows["user_id"].unique())[:2]
    rows[rows["user_id"].isin(users)].to_parquet(tmp_path / "rows.parquet")
    online_store.save_features(users[0], {"monthly_income": 5})
    materialize(tmp_path / "rows.parquet", as_of=datetime(2025, 9, 1))
    assert online_store.get_features(users[0]) == {"monthly_income": 5}
    assert len(online_store.get_features(users[1])) > 5


def test_a_moment_that_has_not_come_is_refused(home):
    with pytest.raises(DataError, match="has not come yet"):
        materialize(as_of=datetime(2999, 1, 1))


def test_several_at_a_time(store, home, tmp_path):
    rows = data.read("transactions")
    users = sorted(rows["user_id"].unique())[:3]
    running = []
    for user in users:
        path = tmp_path / f"{user}.parquet"
        rows[rows["user_id"] == user].to_parquet(path)
        command = [sys.executable, "-W", "ignore", "-m", "nivesh.cli", "features", "materialize", "--data-path", path]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    told = [one.communicate(timeout=100)[0] for one in running]
    assert [one.returncode for one in running] == [0, 0, 0], told
    assert all(online_store.get_batch_features(users).values())


def test_a_broken_file_leaves_the_store_as_it_was(home, tmp_path):
    (tmp_path / "rows.csv").write_text("user_id\nU1\n")
    with pytest.raises(DataError, match="is missing"):
        materialize(tmp_path / "rows.csv")
    assert online_store.count() == 0


@pytest.fixture
def of_one_user(tmp_path):
    """A file of one user's transactions, of which the newest is moved to a timestamp."""

    def write(newest: str):
        rows = data.read("transactions")
        rows = rows[rows["user_id"] == "user_123"].tail(300)
        rows.loc[rows.index[-1], "timestamp"] = pd.Timestamp(newest)
        rows.to_parquet(tmp_path / "rows.parquet")
        return tmp_path / "rows.parquet"

    return write


def test_the_event_time_is_that_of_the_newest_transaction_and_not_of_the_job(store, of_one_user):
    before = time.time()
    materialize(of_one_user("2025-10-02T00:30:00"))
    expected = datetime(2025, 10, 1, 19, tzinfo=UTC).timestamp()
    for group in ("finances", "behaviour", "history"):
        assert online_store.read(["user_123"], group)["user_123"].event_time == expected
        assert online_store.materialized(group) == expected
        assert before <= online_store.last_loaded(group) <= time.time()


def test_the_shipped_sample_counts_as_complete_up_to_now(store):
    before = time.time()
    materialize()
    assert before <= online_store.read(["user_123"])["user_123"].event_time <= time.time()


def test_a_transaction_of_the_future_is_named(store, of_one_user):
    india = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=5, minutes=30)
    soon = (india + timedelta(minutes=10)).isoformat(timespec="seconds")
    with pytest.raises(
        DataError, match=f"T[0-9]+ of user user_123.*{soon[:10]}.*has not come yet|row 301.*in the future"
    ):
        materialize(of_one_user(soon))
    assert online_store.count() == 0 and not list(store.client.scan_iter())
