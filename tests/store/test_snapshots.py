"""Files of users' features by moment: what is kept, and what a question reads of them."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from nivesh.features.finances import USER_FEATURES
from nivesh.store import snapshots
from nivesh.store.point_in_time import training_frame

FIRST = datetime(2025, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def finances(**incomes: float) -> dict:
    return {user: dict.fromkeys(USER_FEATURES) | {"monthly_income": income} for user, income in incomes.items()}


def incomes(start: datetime, end: datetime) -> dict[str, float]:
    rows = [row for batch in snapshots.newest("finances", start, end) for row in batch.to_pylist()]
    assert len(rows) == len({row["user_id"] for row in rows})
    return {row["user_id"]: row["monthly_income"] for row in rows}


def test_each_user_newest_row_and_nothing_outside_of_the_time(home, monkeypatch):
    monkeypatch.setattr(snapshots, "BATCH_ROWS", 2)
    snapshots.write("finances", finances(a=1, b=1, c=1, d=1), FIRST)
    snapshots.write("finances", finances(b=2, e=2), FIRST + DAY)
    snapshots.write("finances", finances(a=3), FIRST + 2 * DAY)
    assert incomes(FIRST - DAY, FIRST + 2 * DAY) == {"a": 3, "b": 2, "c": 1, "d": 1, "e": 2}
    assert incomes(FIRST - DAY, FIRST + DAY) == {"a": 1, "b": 2, "c": 1, "d": 1, "e": 2}
    assert incomes(FIRST, FIRST + 2 * DAY) == {"a": 3, "b": 2, "c": 1, "d": 1, "e": 2}
    assert incomes(FIRST + timedelta(microseconds=1), FIRST + 2 * DAY) == {"a": 3, "b": 2, "e": 2}
    assert incomes(FIRST + 2.5 * DAY, FIRST + 3 * DAY) == {}


def test_old_files_whose_users_are_all_newer_are_not_read(home, monkeypatch):
    for number in range(5):
        snapshots.write("finances", finances(a=number, b=number), FIRST + number * DAY)
    read = []
    opened = snapshots.pq.ParquetFile
    monkeypatch.setattr(snapshots.pq, "ParquetFile", lambda path: read.append(path.stem) or opened(path))
    assert incomes(FIRST - DAY, FIRST + 9 * DAY) == {"a": 4, "b": 4}
    assert [path.stem for path in snapshots.between("finances", FIRST, FIRST + 9 * DAY)][0] in read and len(read) == 1


def test_a_missing_whole_number_stays_missing_and_others_stay_whole(home):
    snapshots.write("behaviour", {"a": {"rows": 3}, "b": {}}, FIRST)
    (rows,) = snapshots.newest("behaviour", FIRST - DAY, FIRST)
    assert rows["rows"].to_pylist() == [3, None] and str(rows["rows"].type) == "int64"


def test_what_a_killed_writer_left_is_not_read(home, monkeypatch):
    def killed(table, path, **_):
        path.write_bytes(b"PAR1 and no more")
        raise KeyboardInterrupt

    snapshots.write("finances", finances(a=1), FIRST)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pyarrow.parquet.write_table", killed)
        snapshots.write("finances", finances(a=2), FIRST + DAY)
    assert incomes(FIRST - DAY, FIRST + 2 * DAY) == {"a": 1}
    asked = pd.DataFrame({"user_id": ["a"], "event_timestamp": [FIRST + 2 * DAY]})
    assert training_frame("credit_risk", asked)["monthly_income"].tolist() == [1]


def test_the_same_moment_again_keeps_other_users_and_replaces_its_own(home):
    snapshots.write("finances", finances(a=1, b=2), FIRST)
    snapshots.write("finances", finances(b=3, c=4), FIRST)
    assert incomes(FIRST - DAY, FIRST) == {"a": 1, "b": 3, "c": 4}
