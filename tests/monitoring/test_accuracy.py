"""Accuracy by labels and without them, for every model; intervals hold what they promise, in seeded simulations."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from nivesh import models
from nivesh.models.samples import Sample
from nivesh.monitoring.accuracy import (
    MIN_CALIBRATION,
    accuracy,
    accuracy_by_version,
    calibration_rows,
    estimate_error,
    estimated_accuracy,
    newest_calibration,
)
from nivesh.monitoring.calibration import expected, expected_auc, fit_logistic
from nivesh.monitoring.intervals import delong, interval, wilson


def span(start, end, label="MONEY"):
    return {"start": start, "end": end, "label": label}


def intent(name, confidence=0.9):
    return {"intent": name, "confidence": confidence, "alternatives": []}


def forecast(amount, days=30, width=100.0):
    total = {"amount": amount, "lower": amount - width / 2, "upper": amount + width / 2}
    return {"total": total, "horizon_days": days, "by_category": {"food": amount}, "method": "user"}


def advice(text, outcome="answered"):
    return {"answer": text, "outcome": outcome, "reason": ""}


# Model -> answers, labels, and its metrics, computed by hand.
BY_HAND = {
    "intent_classifier": (
        [intent("a"), intent("b"), intent("a"), intent("a"), intent("b"), None],
        ["a", "b", "b", None, "out_of_scope", "a"],
        {"accuracy": (2 / 3, 3)},
    ),
    "credit_risk": (
        [{"probability_of_default": p} for p in (0.1, 0.2, 0.3, 0.4, 0.2)],
        [False, True, False, True, None],
        {"auc": (3 / 4, 4)},
    ),
    "financial_ner": (
        [[span(0, 2)], [span(0, 2), span(4, 6)], [], []],
        [[span(0, 2)], [span(0, 2, "DATE"), span(4, 6)], [span(1, 2)], None],
        {"f1": (2 * 2 / (3 + 4), 3)},
    ),
    "anomaly_detector": (
        [{"is_anomaly": flagged} for flagged in (True, False, True, False, False)],
        [True, True, False, False, None],
        {"detection_rate": (1 / 2, 2), "false_positive_rate": (1 / 2, 2)},
    ),
    "spending_predictor": (
        [forecast(1000), forecast(2000, 31), forecast(12_000, 365), forecast(1)],
        [1100.0, 1900.0, 13_200.0, None],
        {"mae": ((100 + 100 + 100) / 3, 3)},
    ),
    "gemini_advisor": (
        [advice("save six months"), advice("x y"), advice("away", "unavailable")],
        ["save six months", "save", "save"],
        {"rouge_l": (1 / 2, 2)},
    ),
}  # fmt: skip


def test_every_model_has_its_case():
    assert sorted(BY_HAND) == models.keys()


@pytest.mark.parametrize("key", models.keys())
def test_metrics_by_hand(key):
    answers, labels, values = BY_HAND[key]
    found = accuracy(key, answers, labels)
    assert next(iter(found)) == models.get(key).spec.primary
    assert {name: (one.value, one.rows) for name, one in found.items()} == {
        name: (pytest.approx(value), rows) for name, (value, rows) in values.items()
    }
    assert all(one.source == "labels" and not one.why_not for one in found.values())


@pytest.mark.parametrize("key", models.keys())
def test_without_labels_there_is_no_value_and_a_reason(key):
    answers, labels, _ = BY_HAND[key]
    for one in accuracy(key, answers, [None] * len(labels)).values():
        assert math.isnan(one.value) and one.rows == 0 and one.why_not and not one.known
    assert accuracy(key, [], [])[models.get(key).spec.primary].rows == 0


def test_each_version_is_measured_by_itself():
    frame = pd.DataFrame({"version": ["1.0.0"] * 30 + ["1.1.0"] * 20})
    frame["answer"] = [intent("a")] * 50
    frame["label"] = ["a"] * 30 + ["b"] * 20
    found = accuracy_by_version("intent_classifier", frame)
    assert {version: one["accuracy"].value for version, one in found.items()} == {"1.0.0": 1.0, "1.1.0": 0.0}


# The interval of each kind holds the truth in 95 % of samples. The bounds are four standard errors of 200 draws.
def share(rng):
    return Sample("share", (rng.random(200) < 0.97).astype(float)), 0.97


def auc(rng):
    outcomes = (rng.random(300) < 0.15).astype(float)
    return Sample("auc", np.column_stack([outcomes, rng.normal(1.5 * outcomes)])), float(norm.cdf(1.5 / math.sqrt(2)))


def mean(rng):
    return Sample("mean", rng.lognormal(0, 1, 100)), math.exp(0.5)


def f1(rng):
    true = rng.integers(1, 4, 120)
    right = rng.binomial(true, 0.9)  # found: right and, in a tenth as many places, wrong
    return Sample("f1", np.column_stack([right, right + rng.binomial(true, 0.1), true]).astype(float)), 1.8 / 2.0


@pytest.mark.parametrize("draw", [share, auc, mean, f1])
def test_intervals_cover(draw):
    rng = np.random.default_rng(7)
    inside = 0
    for seed in range(200):
        sample, truth = draw(rng)
        found = interval(sample, seed)
        inside += found.low <= truth <= found.high
    assert 0.89 <= inside / 200 <= 1.0


def test_wilson_and_delong_by_published_figures():
    assert wilson(8, 10)[1:] == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Newcombe, 1998
    rng = np.random.default_rng(3)
    outcomes, scores = (rng.random(80) < 0.3).astype(float), np.round(rng.random(80), 1)  # with ties
    assert delong(outcomes, scores).value == pytest.approx(roc_auc_score(outcomes, scores))
    perfect = delong(np.array([0, 0, 0, 1, 1.0]), np.arange(5.0))
    assert perfect.value == 1 and perfect.low < 0.5
    assert math.isnan(delong(np.zeros(5), np.arange(5.0)).value)


def world(rng, rows, shift, key):
    """Answers and labels of a model that is too sure of itself, and inputs that have moved by ``shift``."""
    if key == "spending_predictor":
        widths = rng.lognormal(8 + shift, 0.5, rows)
        errors = np.abs(rng.standard_t(5, rows)) * widths * 0.4
        return [forecast(1e6, 30, width) for width in widths], (1e6 + errors).tolist()
    x = rng.normal(shift, 1, rows)
    if key == "credit_risk":
        logit = 1.5 * x - 1
        outcomes = rng.random(rows) < expit(logit)
        return [{"probability_of_default": p} for p in expit(1.6 * logit + 0.4)], outcomes.tolist()
    logit = 1.5 * np.abs(x)
    right = rng.random(rows) < expit(logit)
    return [intent("a", p) for p in expit(1.6 * logit)], ["a" if one else "b" for one in right]


ESTIMATED = ("credit_risk", "intent_classifier", "spending_predictor")


@pytest.mark.parametrize("shift", [0.0, 0.8])
@pytest.mark.parametrize("key", ESTIMATED)
def test_an_estimate_holds_what_labels_show_later(key, shift, monkeypatch):
    monkeypatch.setattr("nivesh.monitoring.calibration.DRAWS", 120)
    rng = np.random.default_rng(11)
    inside, errors = 0, []
    for seed in range(50):
        calibration = calibration_rows(key, *world(rng, 800, 0.0, key))
        answers, labels = world(rng, 400, shift, key)
        found = estimate_error(key, answers, labels, calibration, seed)
        inside += found.within
        errors.append(found.error / found.measured.value)
    assert inside >= 41, "95 % of 50, less four standard errors"
    assert abs(np.mean(errors)) < 0.03


def test_the_estimate_follows_harder_inputs_where_the_raw_confidence_is_too_sure():
    rng = np.random.default_rng(2)
    calibration = calibration_rows("intent_classifier", *world(rng, 3000, 0.0, "intent_classifier"))
    easier, labels = world(rng, 3000, 2.5, "intent_classifier")
    found = estimate_error("intent_classifier", easier, labels, calibration)
    assert found.within and "as expected" in found.sentence
    before = calibration[:, 1].mean()
    assert found.estimate.value > before + 0.1, "the old accuracy alone would be far off"
    raw = float(np.mean([answer["confidence"] for answer in world(rng, 3000, 0.0, "intent_classifier")[0]]))
    assert raw > before + 0.03 and abs(estimated_of(rng, calibration) - before) < 0.03


def estimated_of(rng, calibration):
    answers, _ = world(rng, 3000, 0.0, "intent_classifier")
    return estimated_accuracy("intent_classifier", answers, calibration).value


@pytest.mark.parametrize("key", ESTIMATED)
def test_other_outcomes_of_the_same_inputs_are_seen_once_labels_come(key):
    rng = np.random.default_rng(4)
    calibration = calibration_rows(key, *world(rng, 1000, 0.0, key))
    answers, labels = world(rng, 1000, 0.0, key)
    turned = {
        "credit_risk": lambda one: bool(rng.random() < 0.2),
        "intent_classifier": lambda one: "b",
        "spending_predictor": lambda one: 3e6,
    }[key]
    found = estimate_error(key, answers, [turned(one) for one in labels], calibration)
    assert not found.within and "must not be trusted" in found.sentence
    assert abs(found.error) > 0.05


@pytest.mark.parametrize("key", models.keys())
def test_what_cannot_be_estimated_says_so(key):
    answers, labels, _ = BY_HAND[key]
    found = estimated_accuracy(key, answers * 20, calibration_rows(key, answers, labels))
    assert not found.known and found.source == "estimate" and found.metric == models.get(key).spec.primary
    expected_words = "too few to calibrate with" if key in ESTIMATED else models.get(key).monitoring.NO_ESTIMATE
    assert expected_words in found.why_not
    assert bool(models.get(key).monitoring.NO_ESTIMATE) == (key not in ESTIMATED)
    compared = estimate_error(key, answers, labels, None)
    assert math.isnan(compared.error) and not compared.within and "cannot be compared" in compared.sentence


def test_labels_take_the_place_of_held_out_rows():
    held_out, few, many = (np.zeros((rows, 2)) for rows in (1000, 100, 600))
    assert len(newest_calibration(held_out, None)) == 1000
    assert len(newest_calibration(held_out, few)) == 1100
    assert len(newest_calibration(held_out, many)) == len(newest_calibration(None, many)) == 600
    assert newest_calibration(None, None) is None


def test_expected_auc_is_the_auc_where_outcomes_are_certain():
    rng = np.random.default_rng(0)
    scores = np.round(rng.random(200), 2)
    outcomes = rng.random(200) < scores
    assert expected_auc(scores)(outcomes) == pytest.approx(roc_auc_score(outcomes, scores))
    assert math.isnan(expected_auc(scores)(np.ones(200)))
    # Of probabilities it is the mean over outcomes.
    drawn = [expected_auc(scores)(rng.random(200) < scores) for _ in range(2000)]
    assert expected_auc(scores)(scores) == pytest.approx(np.mean(drawn), abs=0.003)


def test_a_calibration_on_rows_that_all_agree_stays_finite():
    scores = np.linspace(0.9, 0.99, MIN_CALIBRATION)
    fitted = fit_logistic(np.column_stack([scores, np.ones(MIN_CALIBRATION)]))
    assert (fitted(scores) > 0.95).all() and np.isfinite(fitted(np.array([0.0, 1.0]))).all()
    found = expected("share", scores, np.column_stack([scores, np.ones(MIN_CALIBRATION)]))
    assert 0.95 < found.value <= 1 and found.low <= found.value <= found.high + 1e-12
