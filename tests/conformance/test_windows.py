"""A monitoring run of every model: replayed predictions in the log, compared with the reference rows of the bundle."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from nivesh import models
from nivesh.monitoring import window, window_report
from nivesh.monitoring.labels import add_labels
from nivesh.registry import bundle, experiments, model_registry, reference_rows
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_rows import Recorder, masked
from nivesh.serving.prediction_segments import to_folder
from nivesh.settings import settings
from nivesh.store.objects import monitoring_store

KEYS = models.keys()
WEEKS = 52


@dataclass
class Served:
    """A released model, and a log that holds what it answered."""

    key: str
    replay: Any

    def log(self, change=lambda request, answer: (request, answer), copies: int = 1) -> None:
        """Put the replayed predictions into the prediction log, changed."""
        home = settings().home
        log = PredictionLog(home / "prediction-segments", to_folder(home / "predictions"), masked)
        recorder = Recorder(log, 1.0, "secret")
        spec, rows = models.get(self.key).spec, list(zip(self.replay.requests, self.replay.answers, strict=True))
        for number, (request, answer) in enumerate(rows * copies):
            request, answer = change(dict(request), answer)
            recorder.record(spec, "1.0.0", f"{number:032x}", [request], [answer], 2.0)
        log.close()

    def monitor(self):
        end = datetime.now(UTC) + timedelta(minutes=1)
        return window.monitor(self.key, end - timedelta(days=7), end, WEEKS)


@pytest.fixture
def served(home, train, tmp_path):
    """served(key): the model released in an empty home, with its reference rows."""

    def release(key: str, with_reference: bool = True) -> Served:
        trained = train(key)
        folder = tmp_path / key
        folder.mkdir()
        trained.module.save(trained.model, folder)
        if with_reference:
            reference_rows.write(trained.module, trained.model, trained.parts.test, trained.parts.train, folder)
        run_id = experiments.client().create_run(experiments.create_experiment(key)).info.run_id
        version = model_registry.semantic_version(model_registry.register_model(key, f"runs:/{run_id}/model"))
        request = trained.module.Request.model_json_schema()
        manifest = bundle.Manifest(key, version, "2025-01-01T00:00:00+00:00", trained.metrics, [], request, {})
        bundle.pack(folder, manifest, settings().bundles)
        model_registry.set_champion(key, version)
        return Served(
            key, trained.module.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, 600)
        )

    return release


@pytest.mark.parametrize("key", KEYS)
def test_the_reference_itself_has_not_drifted(key, served):
    model = served(key)
    model.log(copies=3 if len(model.replay.answers) < 20 else 1)
    report = model.monitor()
    (version,) = report.versions
    assert (version.version, version.failed) == ("1.0.0", 0)
    if key == "gemini_advisor":  # few questions
        assert "comparable predictions and" in version.note
        return
    assert version.rows >= 20
    assert [one.column for one in version.drift if one.drifted] == []
    assert report.kind in ("none", "quality_drop")
    assert window_report.newest(monitoring_store(), key) == report
    assert monitoring_store().read(f"reports/{key}/{report.end:%Y%m%dT%H%M%SZ}.png").startswith(b"\x89PNG")


def test_a_broken_column_is_an_upstream_fault(served):
    model = served("credit_risk")
    model.log(lambda request, answer: (request | {"features": request["features"] | {"monthly_income": None}}, answer))
    report = model.monitor()
    assert report.kind == "upstream_fault"
    assert "monthly_income is missing in all rows" in report.sentence


def test_moved_amounts_are_told_with_the_column(served):
    model = served("credit_risk")
    model.log(lambda request, answer: (request | {"loan_amount": 2.2 * request["loan_amount"]}, answer))
    (version,) = model.monitor().versions
    assert version.cause.columns[:1] == ("loan_amount",), version
    assert version.drift[0].direction == "up"


def test_a_drop_that_labels_show_asks_for_a_retraining_and_a_fault_to_be_quarantined(served):
    model, asked = served("credit_risk"), []

    def retrain(cause):
        asked.append(cause)
        return {"outcome": "started", "reason": cause.sentence}

    model.log()
    end = datetime.now(UTC) + timedelta(minutes=1)
    start = end - timedelta(days=7)
    assert window.monitor("credit_risk", start, end, WEEKS, retrain=retrain).retraining is None
    wrong = [not label for label in model.replay.labels]
    ids = [f"{number:032x}" for number in range(len(wrong))]
    add_labels("credit_risk", pd.DataFrame({"prediction_id": ids, "label": wrong}), "outcomes.csv")
    report = window.monitor("credit_risk", start, end, WEEKS, retrain=retrain)
    (version,) = report.versions
    measured = next(one for one in version.quality if one.source == "labels")
    assert measured.rows == len(wrong)
    assert measured.value < 0.5 < measured.expected
    assert [cause.kind for cause in asked] == ["quality_drop"]
    assert report.retraining == {"outcome": "started", "reason": version.cause.sentence}
    assert window_report.newest(monitoring_store(), "credit_risk") == report
    model.log(lambda request, answer: (request | {"features": request["features"] | {"monthly_income": None}}, answer))
    window.monitor("credit_risk", start, end, WEEKS, retrain=retrain)
    assert [cause.kind for cause in asked] == ["quality_drop", "upstream_fault"]


def test_where_texts_cannot_be_embedded_all_else_is_compared(served, monkeypatch):
    def absent(texts):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("nivesh.text.embeddings.embed", absent)
    model = served("intent_classifier")
    model.log()
    (version,) = model.monitor().versions
    assert version.note == "the meanings of texts were not compared, as torch is not installed here"
    assert "text" not in {one.column for one in version.drift}
    assert {"intent", "confidence"} <= {one.column for one in version.drift}


def test_few_predictions_are_told_and_not_compared(served):
    model = served("credit_risk")
    model.replay.requests[5:], model.replay.answers[5:] = [], []
    model.log()
    (version,) = model.monitor().versions
    assert version.note.startswith("5 comparable predictions and")
    assert (version.rows, version.drift, version.cause.kind) == (5, [], "none")


def test_a_version_without_reference_rows_says_what_to_do(served):
    model = served("credit_risk", with_reference=False)
    model.log()
    (version,) = model.monitor().versions
    assert "train and package the model again" in version.note


def test_a_window_without_predictions_is_a_report_too(served):
    report = served("credit_risk").monitor()
    assert (report.versions, report.kind) == ([], "none")
    assert window_report.newest(monitoring_store(), "credit_risk") == report
