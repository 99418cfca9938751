"""The prediction log with real files and threads: what is put is in the store once, whatever dies in between."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import boto3
import httpx
import pandas as pd
import pyarrow.parquet
import pytest
from moto.server import ThreadedMotoServer
from prometheus_client import REGISTRY

from nivesh.serving import prediction_log
from nivesh.serving.prediction_log import PredictionLog, Row
from nivesh.serving.prediction_segments import ship_all, to_folder, to_s3

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def row(number: int, **changes) -> Row:
    fields: dict[str, Any] = dict(
        prediction_id=f"p{number}", time=NOON + number, model="credit_risk", version="1.4.0", user="u", features=None,
        request={"loan_amount": 5}, answer={"risk_score": number}, status=200, error="", latency_ms=1.5,
    )  # fmt: skip
    return Row(**fields | changes)


def stored(folder) -> pd.DataFrame:
    tables = [pyarrow.parquet.ParquetFile(path).read().to_pandas() for path in sorted(folder.rglob("*.parquet"))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["prediction_id"])


def value(name: str, **labels) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_rows_come_to_the_store_by_model_version_day_and_hour(tmp_path):
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    for number in range(500):
        log.put(row(number))
    log.put(row(500, time=NOON + 3600, version="1.5.0", answer=None, status=422, error="DataError"))
    log.close()
    found = stored(tmp_path / "store")
    assert sorted(found["prediction_id"]) == sorted(f"p{number}" for number in range(501))
    assert not list((tmp_path / "segments").iterdir())
    folders = {str(path.parent.relative_to(tmp_path / "store")) for path in (tmp_path / "store").rglob("*.parquet")}
    assert folders == {
        "model=credit_risk/version=1.4.0/date=2026-01-01/hour=12",
        "model=credit_risk/version=1.5.0/date=2026-01-01/hour=13",
    }
    first = found.set_index("prediction_id").loc["p7"]
    assert first["time"] == pd.Timestamp("2026-01-01T12:00:07Z")
    assert (first["answer"], first["request"], first["status"]) == ('{"risk_score": 7}', '{"loan_amount": 5}', 200)


def test_a_store_that_is_away_stops_no_request_and_loses_nothing(tmp_path):
    away, ship = [True], to_folder(tmp_path / "store")

    def flaky(name, local):
        if away[0]:
            raise ConnectionError("the store is away")
        ship(name, local)

    log = PredictionLog(tmp_path / "segments", flaky, segment_seconds=0.2)
    started = time.monotonic()
    for number in range(300):
        log.put(row(number))
    assert time.monotonic() - started < 1
    deadline = time.monotonic() + 20
    while value("nivesh_prediction_log_failures_total") < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stored(tmp_path / "store").empty
    away[0] = False
    log.close()
    assert stored(tmp_path / "store")["prediction_id"].nunique() == 300


def test_what_has_no_room_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "MAX_DISK_BYTES", -1)
    dropped = {"model_name": "credit_risk", "reason": "disk_full"}
    before = value("nivesh_prediction_log_dropped_rows_total", **dropped)
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    log.put(row(1))
    log.close()
    assert value("nivesh_prediction_log_dropped_rows_total", **dropped) == before + 1
    too_large = {"model_name": "credit_risk", "reason": "row_too_large"}
    before = value("nivesh_prediction_log_dropped_rows_total", **too_large)
    monkeypatch.undo()
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    log.put(row(1, answer={"text": "a" * 10_000}))
    log.close()
    assert value("nivesh_prediction_log_dropped_rows_total", **too_large) == before + 1
    assert stored(tmp_path / "store").empty


def test_a_full_queue_blocks_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "MAX_QUEUED", 10)
    monkeypatch.setattr(PredictionLog, "_append", lambda self, one: time.sleep(0.05))
    full = {"model_name": "credit_risk", "reason": "queue_full"}
    before = value("nivesh_prediction_log_dropped_rows_total", **full)
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    started = time.monotonic()
    for number in range(1000):
        log.put(row(number))
    assert time.monotonic() - started < 0.5
    assert value("nivesh_prediction_log_dropped_rows_total", **full) > before + 900
    log.close()


WRITER = """
import sys, time
from pathlib import Path
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_segments import to_folder
from tests.serving.test_prediction_log import row
log = PredictionLog(Path(sys.argv[1]), to_folder(Path(sys.argv[2])), segment_seconds=60)
for number in range(200):
    log.put(row(number))
while log._queue.qsize() or not list(Path(sys.argv[1]).glob("*.jsonl")):
    time.sleep(0.05)
time.sleep(0.5)
print("written", flush=True)
time.sleep(60)
"""


def test_the_segments_of_a_killed_process_are_shipped_by_the_next(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "segments"), str(tmp_path / "store")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "written\n"
    assert ship_all(tmp_path / "segments", to_folder(tmp_path / "store")) == 0, "a living process writes it"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (segment,) = (tmp_path / "segments").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"prediction_id": "torn')
    assert ship_all(tmp_path / "segments", to_folder(tmp_path / "store")) == 1
    assert stored(tmp_path / "store")["prediction_id"].nunique() == len(stored(tmp_path / "store")) == 200


def test_shipping_twice_overwrites(tmp_path):
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "first"))
    log.close()
    log = PredictionLog(tmp_path / "segments", lambda name, local: (_ for _ in ()).throw(OSError("away")))
    log.put(row(1))
    log.close()
    (segment,) = (tmp_path / "segments").glob("*.jsonl")
    content = segment.read_bytes()
    for _ in range(2):
        segment.write_bytes(content)
        ship_all(tmp_path / "segments", to_folder(tmp_path / "store"))
    assert len(stored(tmp_path / "store")) == 1


@pytest.fixture
def bucket(monkeypatch):
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset")  # its objects are those of the process, of other tests too
    for name, setting in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, setting)
    boto3.client("s3").create_bucket(Bucket="predictions")
    yield boto3.client("s3")
    server.stop()


def test_to_s3(tmp_path, bucket):
    log = PredictionLog(tmp_path / "segments", to_s3("s3://predictions/nivesh"))
    log.put(row(1))
    log.close()
    (found,) = bucket.list_objects_v2(Bucket="predictions")["Contents"]
    assert found["Key"].startswith("nivesh/model=credit_risk/version=1.4.0/date=2026-01-01/hour=12/")
