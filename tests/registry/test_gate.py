import math

import pytest

from nivesh.registry.gate import GoldenSet, Interval, Segment, decide, holds
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


def golden(auc=0.9, low=-0.004, champion=0.9, **changes) -> GoldenSet:
    known = metrics(auc=champion) if champion else None
    return GoldenSet(1500, metrics(auc=auc), known, Interval(low, 0.004, 1500), **changes)


def judged(found, accept_equal=True, segments=()):
    """A challenger that is as good as the champion on the held-out rows."""
    interval = Interval(-0.003, 0.003, 900)
    return decide(
        SPEC, metrics(), metrics(), interval=interval, accept_equal=accept_equal, segments=segments, golden=found
    )


def test_as_good_on_the_golden_set_passes_and_is_said():
    verdict = judged(golden())
    assert verdict.passed
    assert verdict.reason.endswith("; as good on the golden set of 1500 rows")
    assert "golden" not in judged(None).reason


def test_not_shown_to_be_as_good_on_the_golden_set_refuses():
    verdict = judged(golden(auc=0.895, low=-0.0121))
    assert not verdict.passed
    assert verdict.reason == (
        "on the golden set of 1500 rows not shown to be as good: auc 0.8950 against the champion's 0.9000, -0.0121 at worst"
    )
    assert judged(golden(auc=0.899, low=-0.0089)).passed, "within 1 % of the champion's"


@pytest.mark.parametrize(("high", "passed"), [(0.0071, True), (0.0073, False)])
def test_probabilities_that_may_be_worse_refuse(high, passed):
    verdict = judged(golden(loss=Segment("loss", 0.2441, 0.2400, Interval(0.001, high, 1500))))
    assert verdict.passed is passed
    if not passed:
        assert "loss 0.2441 against the champion's 0.2400, +0.0073 at worst" in verdict.reason


def test_a_condition_that_the_champion_keeps_on_the_golden_set_must_be_kept():
    bad = GoldenSet(1500, metrics(gap=0.2), metrics(), Interval(-0.001, 0.001, 1500))
    assert judged(bad).reason == "on the golden set of 1500 rows: fair.gap 0.2000, must be < 0.1"
    both = GoldenSet(1500, metrics(gap=0.2), metrics(gap=0.3), Interval(-0.001, 0.001, 1500))
    assert judged(both).passed, "the champion does not keep it either"
    unmeasured = GoldenSet(1500, {"auc": 0.9, "baseline_auc": 0.7, "fair": {}}, metrics(), Interval(0, 0, 1500))
    assert judged(unmeasured).reason == "on the golden set of 1500 rows: fair.gap is missing"


def test_without_a_champion_the_golden_set_has_the_floor():
    assert decide(SPEC, metrics(), golden=GoldenSet(1500, metrics())).passed
    verdict = decide(SPEC, metrics(), golden=GoldenSet(1500, metrics(gap=0.2)))
    assert not verdict.passed and "golden set of 1500 rows: fair.gap" in verdict.reason


def test_an_error_is_judged_on_the_golden_set_by_its_other_end():
    spec = Spec(**{**vars(SPEC), "primary": "mae", "higher_is_better": False, "targets": (), "floor": ()})
    worse = GoldenSet(100, {"mae": 1.0}, {"mae": 1.0}, Interval(-0.02, 0.02, 100))
    assert not decide(spec, {"mae": 0.9}, {"mae": 1.0}, golden=worse).passed
    same = GoldenSet(100, {"mae": 1.0}, {"mae": 1.0}, Interval(-0.02, 0.009, 100))
    assert decide(spec, {"mae": 0.9}, {"mae": 1.0}, golden=same).passed


GIG = Segment("employment=gig", 0.82, 0.90, Interval(-0.12, -0.03, 210))


@pytest.mark.parametrize(
    ("segment", "passed"),
    [
        (GIG, False),
        (Segment("employment=gig", 0.82, 0.90, Interval(-0.17, 0.01, 60)), True),  # may be chance
        (Segment("employment=gig", 0.895, 0.90, Interval(-0.008, -0.002, 9000)), True),  # no chance, and no harm
        (Segment("employment=gig", 0.95, 0.90, Interval(0.01, 0.09, 210)), True),
    ],
)
def test_no_segment_may_be_worse(segment, passed):
    for verdict in (judged(None, segments=[segment]), judged(golden(segments=[segment]))):
        assert verdict.passed is passed
        if not passed:
            assert "worse where employment=gig: auc 0.8200 against the champion's 0.9000 (210 rows)" in verdict.reason


def test_a_better_model_is_not_refused_for_a_segment_of_the_held_out_rows():
    better = decide(SPEC, metrics(auc=0.93), metrics(), interval=Interval(0.01, 0.05, 900), segments=[GIG])
    assert better.passed
