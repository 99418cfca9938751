"""The targets that the users asked for, a second time: nobody lowers one without being seen."""

import pytest

from nivesh import models

TARGETS = {
    "intent_classifier": {"accuracy > 0.99", "macro_f1 > 0.95"},
    "financial_ner": {"f1 > 0.92"}
    | {f"per_entity.{label}.f1 > 0.9" for label in ("MONEY", "DATE", "CATEGORY", "MERCHANT", "ACCOUNT")},
    "spending_predictor": {"mae < naive_mae"},
    "anomaly_detector": {"false_positive_rate < 0.01", "detection_rate > 0.95"},
    "credit_risk": {"auc > 0.85"},
    "gemini_advisor": {"refused_when_due >= 0.95", "shown_when_due >= 0.98"},
}


@pytest.mark.parametrize("key", models.keys())
def test_no_target_is_lowered(key):
    found = {str(limit) for limit in models.get(key).spec.targets}
    assert key in TARGETS, "write down what the users asked of this model"
    assert TARGETS[key] <= found


@pytest.mark.parametrize("key", models.keys())
def test_every_model_has_a_floor_with_its_baseline(key):
    spec = models.get(key).spec
    assert any(limit.other_metric and limit.other_metric.startswith("baseline_") for limit in spec.floor)


def test_fairness_is_part_of_the_floor_of_credit_risk():
    floor = {str(limit) for limit in models.get("credit_risk").spec.floor}
    assert {
        "fairness.gender.equalized_odds_difference <= fairness.gender.equalized_odds_allowed",
        "fairness.gender.demographic_parity_ratio >= fairness.gender.parity_ratio_required",
        "fairness.limits_broken <= 0",
    } <= floor
