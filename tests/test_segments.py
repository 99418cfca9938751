"""Segments of a real spending model: what they give is joined, and what fails is told and takes nobody with it."""

import pytest

from nivesh import models, segments, tracking
from nivesh.registry import flatten
from tests.conformance.conftest import few_rows

KEY = "spending_predictor"
module = models.get(KEY)


@pytest.fixture(autouse=True)
def run_of_a_pipeline(monkeypatch):
    monkeypatch.setenv(tracking.RUN_ID, "0b1c")


@pytest.fixture(scope="module")
def shared():
    rows = module.split(few_rows(KEY), 0).train
    return module.learn(rows, progress=quiet, **models.parameters(KEY))


def quiet(fraction: float, text: str) -> None:
    assert 0 <= fraction <= 1


@pytest.mark.parametrize(
    ("parallel", "expected"), [(1, ["a,b,c"]), (2, ["a,c", "b"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])]
)
def test_no_more_lanes_than_are_allowed(parallel, expected):
    assert segments.lanes(["a", "b", "c"], parallel) == expected


def test_joined_segments_are_the_model_that_is_fitted_in_one_go(home, shared):
    rows = module.split(few_rows(KEY), 0)
    at_once = module.fit(rows.train, progress=quiet)
    for names in segments.lanes(list(module.segments(shared)), 2):
        segments.fit(KEY, names.split(","), shared, quiet)
    whole, facts = segments.join(KEY, shared)
    assert list(whole.users) == list(at_once.users)
    assert flatten(module.evaluate(whole, rows.test, history=rows.train)) == pytest.approx(
        flatten(module.evaluate(at_once, rows.test, history=rows.train)), rel=1e-6
    )
    assert facts.keys() == {"segments"}


def test_a_failing_segment_and_user_are_told_and_lose_nobody(home, shared, monkeypatch):
    from nivesh.models.spending_predictor import forecast

    bad, *others = module.segments(shared)
    victim = module.segments(shared)[others[0]][0]
    broken = [shared.users[user].stored for user in (*module.segments(shared)[bad], victim)]
    real_fit, real_parse = forecast.fit_own, module.learning.parse

    def parse(stored):
        if stored is shared.users[victim].stored and not healthy:
            raise ValueError("this history is broken")
        return real_parse(stored)

    def fit_segment(model, segment, *, progress):
        nonlocal healthy
        if segment == bad:
            raise MemoryError("no room")
        healthy = False
        return real_segment(model, segment, progress=progress)

    healthy, real_segment = True, module.fit_segment
    monkeypatch.setattr(module.learning, "parse", parse)
    monkeypatch.setattr(module, "fit_segment", fit_segment)
    segments.fit(KEY, [bad, *others], shared, quiet)
    healthy = True
    whole, facts = segments.join(KEY, shared)
    assert facts["segments_failed"] == f"{bad}: segment {bad}: MemoryError: no room"
    assert facts["users_failed"] == f"{victim}: ValueError: this history is broken"
    assert bad not in facts["segments"]
    assert list(whole.users) == list(shared.users)
    assert broken and real_fit
    answer = module.predict(whole, [{"user_id": victim, "horizon_days": 30}])[0]
    assert answer["method"] == "segment"
    assert answer["total"]["amount"] > 0
    failed = tracking.find_step(KEY, f"segment {bad}")
    assert failed.info.status == "FAILED"


def test_a_storage_that_is_away_is_not_the_segments_fault(home, shared, monkeypatch):
    """MLflow's client gives an upload's error as that of the HTTP library."""
    monkeypatch.setattr(module, "fit_segment", lambda model, name, progress: {"users": {}, "failed": {}})
    monkeypatch.setattr(segments, "PART", "no/such\0place")  # nothing can be written there
    with pytest.raises(ValueError, match="null"):
        segments.fit(KEY, list(module.segments(shared))[:1], shared, quiet)


def test_no_segment_at_all_is_an_error(home, shared):
    with pytest.raises(segments.SegmentsFailed, match="was not begun"):
        segments.join(KEY, shared)
