"""The prediction log is read back as it was written: real segments, a folder and an S3 on this machine."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone

import boto3
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

from nivesh.errors import DataError, ModelNotFound, SettingsError
from nivesh.monitoring.prediction_reader import prediction_store, read_predictions
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_segments import COLUMNS, to_folder, to_s3, write_parquet
from nivesh.store.objects import open_store
from tests.serving.test_prediction_log import NOON, row

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["folder", "s3"])
def ship_and_store(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield to_folder(tmp_path / "store"), open_store("", tmp_path / "store")
        return
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()), "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="predictions")
    yield to_s3("s3://predictions/nivesh"), open_store("s3://predictions/nivesh", tmp_path)
    server.stop()


class Recording:
    """A store that remembers what was asked of it."""

    def __init__(self, store):
        self.store, self.listed, self.reads = store, [], []

    def folders(self, prefix=""):
        return self.store.folders(prefix)

    def names(self, prefix=""):
        self.listed.append(prefix)
        return self.store.names(prefix)

    def read(self, name):
        self.reads.append(name)
        return self.store.read(name)


def test_what_was_logged_is_read_back(ship_and_store, tmp_path):
    ship, store = ship_and_store
    log = PredictionLog(tmp_path / "segments", ship)
    for number in range(100):
        log.put(row(number, version="1.4.0" if number % 2 else "1.5.0-rc.1", features={"income": 1.5, "city": None}))
    log.put(row(100, request=None, answer=None, status=422, error="DataError"))
    log.put(row(101, model="financial_ner", answer=[{"label": "MONEY", "start": 0, "end": 3}]))
    for number, moved in enumerate((-1, 3600, 86_400, -86_400 * 400), 102):
        log.put(row(number, time=NOON + moved))
    log.close()
    found = read_predictions("credit-risk", START, START + HOUR, store)
    assert list(found["prediction_id"]) == [f"p{number}" for number in range(101)], "the window alone, newest last"
    assert found["time"].iloc[7] == pd.Timestamp("2026-01-01T12:00:07Z")
    assert set(found["version"]) == {"1.4.0", "1.5.0-rc.1"}
    first, error = found.iloc[3], found.iloc[100]
    assert (first["request"], first["answer"]) == ({"loan_amount": 5}, {"risk_score": 3})
    assert first["features"] == {"income": 1.5, "city": None}
    assert (error["request"], error["answer"], error["status"], error["error"]) == (None, None, 422, "DataError")
    (spans,) = read_predictions("financial_ner", START, START + HOUR, store)["answer"]
    assert spans == [{"label": "MONEY", "start": 0, "end": 3}]
    india = timezone(timedelta(hours=5, minutes=30))
    local = datetime(2026, 1, 1, 17, 30, tzinfo=india)
    assert len(read_predictions("credit_risk", local, local + HOUR, store)) == 101
    naive = datetime(2026, 1, 1, 12)
    assert len(read_predictions("credit_risk", naive, naive + HOUR, store)) == 101


def test_only_partitions_of_the_window_are_listed_and_read(tmp_path):
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    for number in range(24 * 10):
        log.put(row(number, time=NOON + 3600 * number))
    log.close()
    store = Recording(open_store("", tmp_path / "store"))
    found = read_predictions("credit_risk", START + 30 * HOUR, START + 33 * HOUR, store)
    assert list(found["prediction_id"]) == ["p30", "p31", "p32"]
    assert store.listed == ["model=credit_risk/version=1.4.0/date=2026-01-02/"]
    assert len(store.reads) == 3


def test_a_row_that_was_shipped_twice_is_there_once_and_a_broken_file_is_told(tmp_path):
    rows = [vars(row(number)) for number in range(3)]
    store = open_store("", tmp_path / "store")
    for name in ("a", "b"):
        write_parquet(rows, tmp_path / "file")
        folder = "model=credit_risk/version=1.4.0/date=2026-01-01/hour=12"
        store.write(f"{folder}/{name}.parquet", (tmp_path / "file").read_bytes())
    store.write(f"{folder}/c.parquet", b"PAR1 torn")
    found = read_predictions("credit_risk", START, START + HOUR, store)
    assert list(found["prediction_id"]) == ["p0", "p1", "p2"]
    assert found.attrs["unreadable"] == [f"{folder}/c.parquet"]


def test_a_window_without_rows_is_an_empty_table_of_the_same_columns(tmp_path):
    found = read_predictions("credit_risk", START, START + HOUR, open_store("", tmp_path / "nothing"))
    assert found.empty and list(found) == list(COLUMNS)
    assert str(found["time"].dtype).startswith("datetime64") and found["time"].dt.tz is not None
    assert found.attrs["unreadable"] == []


def test_what_cannot_be_asked(tmp_path, monkeypatch):
    store = open_store("", tmp_path)
    with pytest.raises(ModelNotFound):
        read_predictions("../credit_risk", START, START + HOUR, store)
    with pytest.raises(DataError, match="is empty; start comes before end"):
        read_predictions("credit_risk", START, START, store)
    with pytest.raises(DataError, match="at most 400"):
        read_predictions("credit_risk", START, START + timedelta(days=401), store)
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "off")
    with pytest.raises(SettingsError, match="off: no predictions are logged"):
        read_predictions("credit_risk", START, START + HOUR)


def test_the_setting_names_the_store(home, monkeypatch, tmp_path):
    assert prediction_store().folder == home / "predictions"
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "s3://predictions/nivesh")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert prediction_store().bucket == "predictions"


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path):
    """A day of a busy server: a file a minute; request, features and answer of the size that credit_risk has."""
    store = open_store("", tmp_path / "store")
    nested = {
        "request": {"loan_amount": 500_000.0, "loan_tenure_months": 60, "age": None, "region": None},
        "features": {f"feature_{number}": number / 7 for number in range(12)},
        "answer": {"risk_score": 1.5, "reasons": [{"feature": "emi", "value": 1.0, "text": "a sentence"}] * 4},
    }
    columns = {name: json.dumps(value) for name, value in nested.items()}
    for minute in range(1000):
        rows = [vars(row(minute * 100 + number, time=NOON + minute * 60)) | columns for number in range(100)]
        write_parquet(rows, tmp_path / "file")
        stamp = datetime.fromtimestamp(NOON + minute * 60, UTC)
        folder = f"model=credit_risk/version=1.4.0/date={stamp:%Y-%m-%d}/hour={stamp:%H}"
        store.write(f"{folder}/{minute}.parquet", (tmp_path / "file").read_bytes())
    started = time.monotonic()
    found = read_predictions("credit_risk", START, START + 17 * HOUR, store)
    seconds = time.monotonic() - started
    assert len(found) == 100_000 and found["answer"].iloc[-1] == nested["answer"]
    assert seconds < 30, f"{seconds:.1f} s"  # 4 s on 2 idle cores
    print(f"{seconds:.1f} s")
