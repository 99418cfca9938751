"""What is logged of requests, behind the real application, and what is not."""

import json

import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from nivesh import models
from nivesh.serving.app import create_app
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_rows import Recorder, masked, open_recorder, pseudonym
from nivesh.serving.prediction_segments import to_folder
from tests.serving.conftest import Echo

PAN = "My PAN is ABCPE1234F, can I get a loan?"


class Rows:
    """A log that keeps its rows."""

    def __init__(self):
        self.rows = []

    def put(self, row):
        self.rows.append(row)


@pytest.fixture
def logged(tmp_path):
    """A client of a server that logs all texts, and a function that ends the log and gives its rows."""
    predictor = Echo()
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"), masked)
    predictor.recorder = Recorder(log, 1.0, "secret")

    def rows():
        log.close()
        files = sorted((tmp_path / "store").rglob("*.parquet"))
        return [row for file in files for row in pyarrow.parquet.ParquetFile(file).read().to_pylist()]

    return TestClient(create_app([predictor])), rows


def test_every_protocol_and_outcome_is_logged_under_the_id_of_its_response(logged):
    client, rows = logged
    guide = client.post("/predict/intent", json={"query": PAN})
    batch = client.post(
        "/v1/models/intent-classifier:predict", json={"instances": [{"query": "one"}, {"query": "two"}]}
    )
    tensor = {"name": "query", "shape": [1], "datatype": "BYTES", "data": ["three"]}
    infer = client.post("/v2/models/intent-classifier/infer", json={"inputs": [tensor]})
    refused = client.post("/predict/intent", json={"query": 5})
    assert refused.status_code == 422
    found = {row["prediction_id"]: row for row in rows()}
    first, several, third = (answer.headers["X-Prediction-Id"] for answer in (guide, batch, infer))
    assert len(found) == 5 and {first, f"{several}-1", f"{several}-2", third} <= set(found)
    assert json.loads(found[f"{several}-2"]["request"]) == {"query": "two"}
    assert json.loads(found[third]["answer"])["intent"] == "three"
    assert {(row["model"], row["version"]) for row in found.values()} == {("intent_classifier", "1.4.0")}
    (error,) = (row for row in found.values() if row["status"] == 422)
    assert (error["error"], error["answer"]) == ("DataError", None)
    assert "ABCPE1234F" not in json.dumps([row["request"] + str(row["answer"]) for row in found.values()])


def test_texts_are_kept_for_a_share_and_ids_are_pseudonyms():
    spec, log = models.get("intent_classifier").spec, Rows()
    recorder = Recorder(log, 0.1, "secret")
    for number in range(2000):
        recorder.record(spec, "1.0.0", f"id-{number}", [{"query": "hello"}], [{"intent": "x"}], 1.0)
    assert 120 < sum(row.request is not None for row in log.rows) < 280
    assert all(row.answer == {"intent": "x"} for row in log.rows)
    log.rows.clear()
    features = {"monthly_income": 5.0, "history": [1, 2, 3]}
    request = {"user_id": "user_1", "loan_amount": 7, "features": features, "client": "key"}
    recorder.record(models.get("credit_risk").spec, "1.0.0", "id", [request], [{"risk_score": 1}], 1.0)
    (row,) = log.rows
    assert (row.request, row.features) == ({"loan_amount": 7}, {"monthly_income": 5.0})
    assert row.user == pseudonym("user_1", "secret") != pseudonym("user_1", "other")
    assert "user_1" not in str(row)


def test_neither_request_nor_answer_holds_the_user_id():
    rows = Rows()
    request = {"user_id": "user_123", "loan_amount": 1, "features": {"monthly_income": 2.0, "profile": {"a": 1}}}
    Recorder(rows, 1.0, "secret").record(
        models.get("credit_risk").spec, "1.0.0", "id", [request], [{"user_id": "user_123", "risk_score": 3.0}], 1.0
    )
    (row,) = rows.rows
    assert (row.request, row.features, row.answer) == ({"loan_amount": 1}, {"monthly_income": 2.0}, {"risk_score": 3.0})
    assert request["features"], "the caller's request is unchanged"


def test_the_settings_choose_the_store(home, monkeypatch):
    recorder = open_recorder()
    recorder.log.close()
    assert recorder.log.folder == home / "prediction-segments"
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "off")
    assert open_recorder() is None


def test_a_home_that_cannot_be_written_logs_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "file"))
    assert open_recorder() is None
