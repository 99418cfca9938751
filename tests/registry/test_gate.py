import math

import pytest

from nivesh.registry.gate import Interval, decide, holds
from nivesh.spec import MetricThreshold, Spec

SPEC = Spec(
    key="toy", purpose="", dataset="loans", path="/predict/toy", example={}, primary="auc", higher_is_better=True,
    targets=(MetricThreshold("auc", ">", 0.85),), floor=(MetricThreshold("auc", ">", other_metric="baseline_auc"), MetricThreshold("fair.gap", "<", 0.1)),
)  # fmt: skip


def metrics(auc=0.9, baseline_auc=0.7, gap=0.05) -> dict:
    return {"auc": auc, "baseline_auc": baseline_auc, "fair": {"gap": gap}}


def test_the_first_model_needs_only_its_floor():
    assert decide(SPEC, metrics()).passed
    below = decide(SPEC, metrics(auc=0.8))
    assert below.passed
    assert below.missed == ("auc 0.8000, must be > 0.85",)


@pytest.mark.parametrize("gap", [0.1, 0.5])
def test_a_broken_floor_refuses(gap):
    verdict = decide(SPEC, metrics(gap=gap))
    assert not verdict.passed
    assert "fair.gap" in verdict.reason


def test_not_better_than_the_baseline_refuses():
    assert not decide(SPEC, metrics(auc=0.9, baseline_auc=0.9)).passed


@pytest.mark.parametrize("champion, passed", [(0.95, False), (0.9, False), (0.89, True)])
def test_only_better_than_the_champion_passes(champion, passed):
    verdict = decide(SPEC, metrics(auc=0.9), metrics(auc=champion))
    assert verdict.passed is passed
    assert f"{champion:.4f}" in verdict.reason


def test_lower_is_better_turns_the_comparison():
    spec = Spec(**{**vars(SPEC), "primary": "mae", "higher_is_better": False, "targets": (), "floor": ()})
    assert decide(spec, {"mae": 1.0}, {"mae": 2.0}).passed
    assert not decide(spec, {"mae": 2.0}, {"mae": 1.0}).passed


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "0.9", True])
def test_what_was_not_measured_is_not_passed(value):
    assert not decide(SPEC, metrics(auc=value)).passed
    assert not decide(SPEC, metrics(), metrics(auc=value)).passed
    assert not decide(SPEC, {"auc": 0.9, "fair": {"gap": 0.0}}).passed  # the baseline is missing


def test_a_better_primary_that_loses_a_target_refuses():
    spec = Spec(**{**vars(SPEC), "targets": (MetricThreshold("recall", ">", 0.5),)})
    verdict = decide(spec, metrics(auc=0.9) | {"recall": 0.4}, metrics(auc=0.8) | {"recall": 0.6})
    assert not verdict.passed
    assert "loses a target" in verdict.reason


def test_holds_compares_two_metrics():
    assert holds(MetricThreshold("a", "<", other_metric="b"), {"a": 1, "b": 2})
    assert not holds(MetricThreshold("a", "<", other_metric="b"), {"a": 1})


@pytest.mark.parametrize("auc", [0.9, 0.6])
def test_the_reason_says_what_the_metrics_were_measured_on(auc):
    verdict = decide(SPEC, metrics(auc=auc) | {"evaluated_on": "injected anomalies"})
    assert verdict.reason.endswith("; measured on injected anomalies")
    assert "measured on" not in decide(SPEC, metrics(auc=auc)).reason


@pytest.mark.parametrize(("low", "passed"), [(0.001, True), (0.0, False), (-0.002, False)])
def test_a_difference_that_may_be_noise_does_not_pass(low, passed):
    verdict = decide(SPEC, metrics(auc=0.9003), metrics(auc=0.9), interval=Interval(low, 0.004, 500))
    assert verdict.passed is passed
    assert f"difference {low:+.4f} to +0.0040, 95 % interval, 500 rows" in verdict.reason
    assert passed or "not shown to be better" in verdict.reason


def test_where_lower_is_better_the_other_end_of_the_interval_counts():
    spec = Spec(**{**vars(SPEC), "primary": "mae", "higher_is_better": False, "targets": (), "floor": ()})
    assert decide(spec, {"mae": 1.0}, {"mae": 2.0}, interval=Interval(-1.5, -0.5, 90)).passed
    assert not decide(spec, {"mae": 1.0}, {"mae": 2.0}, interval=Interval(-2.5, 0.5, 90)).passed


@pytest.mark.parametrize(
    ("challenger", "low", "passed"),
    [(0.9, -0.004, True), (0.899, -0.008, True), (0.899, -0.02, False), (0.8, -0.15, False)],
)
def test_as_good_passes_where_a_retraining_accepts_it(challenger, low, passed):
    interval = Interval(low, 0.004, 500)
    verdict = decide(SPEC, metrics(auc=challenger), metrics(auc=0.9), interval=interval, accept_equal=True)
    assert verdict.passed is passed
    assert not passed or "as good, on newer data" in verdict.reason
    assert not decide(SPEC, metrics(auc=challenger), metrics(auc=0.9), interval=interval).passed


def test_a_champion_that_cannot_be_used_counts_as_none_with_the_reason():
    verdict = decide(SPEC, metrics(), None, problem="format 9 cannot be served, only 1")
    assert verdict.passed
    assert "the champion cannot be used (format 9 cannot be served, only 1)" in verdict.reason
    assert not decide(SPEC, metrics(auc=0.6), None, problem="format 9").passed, "its own floor still holds"


NER = Spec(
    **{
        **vars(SPEC),
        "targets": (MetricThreshold("f1.MONEY", ">", 0.9), MetricThreshold("f1.ACCOUNT", ">", 0.9)),
        "floor": (),
    }
)
WHY = {"not_measured": {"f1.ACCOUNT": "no held-out ACCOUNT"}}


def test_a_target_that_the_rows_cannot_measure_is_passed_over_and_said():
    verdict = decide(NER, {"auc": 0.9, "f1": {"MONEY": 0.95}} | WHY)
    assert verdict.passed and verdict.missed == ()
    assert verdict.reason.endswith("; not measured: f1.ACCOUNT (no held-out ACCOUNT)")
    below = decide(NER, {"auc": 0.9, "f1": {"MONEY": 0.5, "ACCOUNT": 0.0}} | WHY)
    assert below.missed == ("f1.MONEY 0.5000, must be > 0.9",)
    against = decide(
        NER, {"auc": 0.9, "f1": {"MONEY": 0.95}} | WHY, {"auc": 0.8, "f1": {"MONEY": 0.95, "ACCOUNT": 0.95}}
    )
    assert against.passed, against.reason


def test_a_target_that_is_missing_without_a_reason_refuses():
    assert not decide(NER, {"auc": 0.9, "f1": {"MONEY": 0.95}}).passed


@pytest.mark.parametrize("metric", ["auc", "fair.gap"])
def test_primary_metric_and_floor_are_never_passed_over(metric):
    assert not decide(SPEC, {"baseline_auc": 0.7, "not_measured": {metric: "no rows"}}).passed
