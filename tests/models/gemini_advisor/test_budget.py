"""What answers cost, by the budget of a day."""

import grpc
import pytest

from nivesh.models.gemini_advisor.budget import AnswerBudget, answer_budget

from .test_advisor import QUESTION, ask


def test_the_days_budget_is_kept(advisor, vertex, monkeypatch):
    most = 0.0018  # what one answer may cost at most, from its lengths and the price table
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", str(most + 0.0002))
    outcomes = [ask(advisor, f"{QUESTION} {'I earn more. ' * n}")["outcome"] for n in range(12)]
    assert outcomes[0] == "answered"
    assert outcomes[-1] == "over_budget"
    spent = answer_budget().spent_today()
    assert 0 < spent <= most + 0.0002
    assert vertex.calls["GenerateContent"] == outcomes.count("answered")


def test_an_outage_costs_nothing(advisor, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.UNAVAILABLE, "down")] * 100
    ask(advisor)
    assert answer_budget().spent_today() == 0


def test_an_answer_that_came_too_late_may_be_billed(advisor, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    vertex.delay = 1
    assert ask(advisor)["outcome"] == "unavailable"
    assert answer_budget().spent_today() > 0


def test_pods_share_budget_and_cache_through_redis(store, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    one, other = AnswerBudget(store.client), AnswerBudget(store.client)
    assert one.reserve(0.7)
    assert not other.reserve(0.4)
    one.settle(0.7, 0.2)
    assert other.reserve(0.4)
    assert other.spent_today() == pytest.approx(0.6)
    one.keep("k", {"answer": "a"})
    assert other.recall("k") == {"answer": "a"}


def test_without_its_redis_a_process_counts_for_itself(advisor, monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    assert ask(advisor)["outcome"] == "answered"
    assert 0 < answer_budget().spent_today() < 0.01
