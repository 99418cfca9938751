"""What monitoring compares and measures, for every model: the log and the reference alike, and the metrics of ``evaluate``."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nivesh import models
from nivesh.monitoring.accuracy import accuracy, calibration_rows, estimated_accuracy
from nivesh.monitoring.drift import compare
from nivesh.monitoring.monitored_rows import logged_rows, monitored_rows, texts, with_features
from nivesh.monitoring.prediction_reader import read_predictions
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_rows import Recorder, masked
from nivesh.serving.prediction_segments import to_folder
from nivesh.store.objects import open_store

KEYS = models.keys()
ALL = 10**9


@pytest.fixture
def logged(tmp_path):
    """Requests and answers as they come back out of the prediction log."""

    def make(model, requests, answers, text_share=1.0):
        log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"), masked)
        recorder = Recorder(log, text_share, "secret")
        for number, (request, answer) in enumerate(zip(requests, answers, strict=True)):
            recorder.record(model.spec, "1.0.0", f"{number:032x}", [request], [answer], 1.0)
        recorder.record(model.spec, "1.0.0", "refused", requests[:1], [None], 1.0, 422, "DataError")
        log.close()
        now = datetime.now(UTC)
        store = open_store("", tmp_path / "store")
        return read_predictions(model.key, now - timedelta(hours=1), now + timedelta(hours=1), store)

    return make


@pytest.mark.parametrize("key", KEYS)
def test_rows_of_the_log_and_of_the_reference_are_the_same(key, train, logged):
    trained = train(key)
    model = trained.module
    replay = model.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, limit=60)
    reference = monitored_rows(key, replay.requests, replay.answers)
    predictions = logged(model, replay.requests, replay.answers)
    current = logged_rows(key, predictions)
    assert len(predictions) == len(reference) + 1 and len(current) == len(reference) > 0
    order = predictions.loc[current.index, "prediction_id"].map(lambda one: int(one, 16))
    pd.testing.assert_frame_equal(current.set_axis(order).sort_index(), reference, check_names=False)
    assert set(reference.dtypes.map(str)) <= {"float64", "object"}
    if len(reference) >= 20:
        assert not any(one.drifted for one in compare(reference, current))
    asked = with_features(predictions.loc[current.index])
    assert len(texts(key, asked)) == (len(current) if model.monitoring.TEXT else 0)


@pytest.mark.parametrize("key", KEYS)
def test_texts_that_were_not_kept_are_no_missing_values(key, train, logged):
    trained = train(key)
    replay = trained.module.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, limit=60)
    current = logged_rows(key, logged(trained.module, replay.requests, replay.answers, text_share=0.0))
    assert len(current) == (0 if trained.module.monitoring.TEXT else len(replay.requests))


# Where the metric of ``evaluate`` is of the same rows. The forecast of the first month after each start is one of several there.
PATHS = {"spending_predictor": ("rolling", "per_horizon", "1", "mae")}

# Answers are not what was evaluated to the last digit: probabilities are rounded, so that some applications tie; guardrails stand
# before the advisor's answers; forecasts are rounded and made day by day.
ROUNDED = {"credit_risk": 1e-3, "gemini_advisor": 0.05, "spending_predictor": 0.05}


@pytest.mark.parametrize("key", KEYS)
def test_the_primary_metric_is_that_of_the_evaluation(key, train):
    trained = train(key)
    model = trained.module
    replay = model.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, ALL)
    found = accuracy(key, replay.answers, replay.labels)[model.spec.primary]
    if key == "anomaly_detector" and found.rows < 10:
        pytest.skip("so few labels: the evaluation injects anomalies")
    expected = trained.metrics
    for part in PATHS.get(key, (model.spec.primary,)):
        expected = expected[part]
    assert found.value == pytest.approx(expected, rel=ROUNDED.get(key, 1e-9))
    assert math.isnan(found.low) or found.low <= found.value <= found.high


@pytest.mark.parametrize("key", KEYS)
def test_an_estimate_is_made_or_says_why_not(key, train):
    trained = train(key)
    model = trained.module
    replay = model.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, ALL)
    calibration = calibration_rows(key, replay.answers, replay.labels)
    found = estimated_accuracy(key, replay.answers, calibration)
    if model.monitoring.NO_ESTIMATE:
        assert calibration is None and found.why_not == model.monitoring.NO_ESTIMATE and not found.known
    elif len(calibration) < 100:
        assert "too few to calibrate" in found.why_not
    else:  # on the rows that it was calibrated with, it is their own metric but for noise
        measured = accuracy(key, replay.answers, replay.labels)[model.spec.primary]
        assert np.isfinite(calibration).all()
        assert found.low <= measured.value <= found.high
