"""The credit-risk model's metrics and fairness, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from nivesh.models.credit_risk.evaluation import calibration_bins, calibration_error, ranking_metrics
from nivesh.models.credit_risk.fairness import fairness
from nivesh.models.credit_risk.schema import SPEC
from nivesh.registry.gate import decide


def test_ranking_metrics_by_hand():
    metrics = ranking_metrics(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.8]))
    assert metrics["auc"] == 0.75  # of four pairs one is the wrong way round
    assert metrics["ks"] == 0.5
    assert metrics["brier"] == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert metrics["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_calibration_error_by_hand():
    truth = np.repeat([0, 1, 0, 1], [45, 5, 10, 40])
    probabilities = np.repeat([0.2, 0.8], [50, 50])
    assert calibration_bins(truth, probabilities) == [(50, pytest.approx(0.2), 0.1), (50, pytest.approx(0.8), 0.8)]
    assert calibration_error(truth, probabilities) == pytest.approx(0.05)


def groups_frame(n=400, region="south"):
    gender = np.repeat(["female", "male"], n // 2)
    return pd.DataFrame({"gender": gender, "region": region, "age": 30, "defaulted": np.tile([0, 0, 0, 1], n // 4)})


def test_equal_treatment_is_fair_and_unmeasured_groups_are_not_judged():
    frame = groups_frame()
    result = fairness(frame, np.where(frame["defaulted"] == 1, 0.9, 0.05))
    assert result["gender"]["equalized_odds_difference"] == 0
    assert result["gender"]["demographic_parity_ratio"] == 1
    assert result["gender"]["groups"]["female"]["false_negative_rate"] == 0
    assert result["region"]["groups_judged"] == 1
    assert result["region"]["equalized_odds_difference"] is None
    assert result["limits_broken"] == 0


def test_unequal_treatment_breaks_both_limits_and_the_gate_refuses():
    frame = groups_frame()
    probabilities = np.where((frame["gender"] == "female") | (frame["defaulted"] == 1), 0.9, 0.05)
    result = fairness(frame, probabilities)
    assert result["gender"]["equalized_odds_difference"] == 1
    assert result["gender"]["demographic_parity_ratio"] == 0
    assert result["limits_broken"] == 2
    verdict = decide(SPEC, {"auc": 0.9, "baseline_auc": 0.8, "ece": 0.01, "fairness": result})
    assert not verdict.passed
    assert "fairness.gender.equalized_odds_difference 1.0000" in verdict.reason


def test_small_groups_are_reported_but_not_judged():
    frame = groups_frame()
    frame.loc[:19, "gender"] = "other"
    probabilities = np.where(frame["gender"] == "other", 0.9, np.where(frame["defaulted"] == 1, 0.9, 0.05))
    result = fairness(frame, probabilities)["gender"]
    assert (result["groups_judged"], result["groups_too_small"]) == (2, 1)
    assert (
        result["groups"]["other"] | {"rows": 20.0, "false_positive_rate": 1.0, "judged": 0} == result["groups"]["other"]
    )
    assert result["equalized_odds_difference"] == 0


def test_few_rows_widen_the_limit():
    rng = np.random.default_rng(0)
    allowed = []
    for n in (400, 20_000):
        probabilities = rng.uniform(0, 0.5, n)
        allowed.append(fairness(groups_frame(n), probabilities)["gender"]["equalized_odds_allowed"])
    assert allowed[0] > 0.15 and allowed[1] == 0.1
