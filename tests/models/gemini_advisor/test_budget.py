"""What answers cost, by the budget of a day."""

import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nivesh.models.gemini_advisor.budget import AnswerBudget, answer_budget
from nivesh.models.gemini_advisor.shared_redis import SharedRedis

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


def budget_in(folder, client=None) -> AnswerBudget:
    return AnswerBudget(folder / "spent.sqlite", SharedRedis(client))


def test_pods_share_a_budget_through_redis(store, tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    one, other = budget_in(tmp_path / "one", store.client), budget_in(tmp_path / "other", store.client)
    reservation = one.reserve(0.7)
    assert not reservation.refused
    assert other.reserve(0.4).refused == "advice_budget"
    one.settle(reservation, 0.2)
    assert not other.reserve(0.4).refused
    assert other.spent_today() == pytest.approx(0.6)


def test_a_client_cannot_spend_the_budget_of_others(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    monkeypatch.setenv("NIVESH_ADVICE_CLIENT_SHARE", "0.3")
    budget = budget_in(tmp_path)
    assert [budget.reserve(0.1, "greedy").refused for _ in range(5)] == ["", "", "", "client_share", "client_share"]
    assert budget.spent_today() == pytest.approx(0.3)
    assert not budget.reserve(0.3, "modest").refused


def test_clients_with_shares_left_cannot_exceed_the_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    budget = budget_in(tmp_path)
    reasons = [budget.reserve(0.15, f"client {number}").refused for number in range(8)]
    assert reasons == [""] * 6 + ["advice_budget"] * 2


def test_a_restart_does_not_start_at_zero(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    assert not budget_in(tmp_path).reserve(0.8).refused
    restarted = budget_in(tmp_path)
    assert restarted.spent_today() == pytest.approx(0.8)
    assert restarted.reserve(0.3).refused == "advice_budget"


def test_neither_does_a_redis_that_was_emptied(store, tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    budget = budget_in(tmp_path, store.client)
    budget.reserve(0.8)
    store.client.flushall()
    assert budget.reserve(0.3).refused == "advice_budget"


def test_a_refund_after_midnight_is_booked_on_the_day_of_the_charge(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    budget = budget_in(tmp_path)
    monkeypatch.setattr("nivesh.models.gemini_advisor.budget.today", lambda: "2025-10-31")
    reservation = budget.reserve(0.9)
    monkeypatch.setattr("nivesh.models.gemini_advisor.budget.today", lambda: "2025-11-01")
    budget.settle(reservation, 0.1)
    assert budget.spent_today() == 0
    assert not budget.reserve(0.9).refused
    assert budget.reserve(0.2).refused == "advice_budget"
    monkeypatch.setattr("nivesh.models.gemini_advisor.budget.today", lambda: "2025-10-31")
    assert budget.spent_today() == pytest.approx(0.1)


def test_processes_that_reserve_at_once_stay_within_the_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    budgets = [budget_in(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        reservations = list(pool.map(lambda number: budgets[number % 4].reserve(0.05), range(64)))
    granted = sum(not reservation.refused for reservation in reservations)
    assert 0 < granted <= 20
    assert budgets[0].spent_today() == pytest.approx(0.05 * granted)


def test_a_home_that_cannot_be_written_does_not_stop_answers(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    (tmp_path / "file").touch()
    budget = budget_in(tmp_path / "file" / "below")
    assert "cannot be written" in caplog.text
    assert not budget.reserve(0.8).refused
    assert budget.reserve(0.3).refused == "advice_budget"


def test_a_disk_that_fills_up_forgets_nothing(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    monkeypatch.setenv("NIVESH_ADVICE_CLIENT_SHARE", "0.5")
    budget = budget_in(tmp_path)
    budget.reserve(0.3, "one")
    budget.reserve(0.3, "other")
    ledger = sqlite3.connect(tmp_path / "spent.sqlite")
    ledger.execute("CREATE TRIGGER full BEFORE INSERT ON spent BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    ledger.commit()
    assert budget.reserve(0.3, "one").refused == "client_share"
    assert "disk is full" in caplog.text
    assert budget.spent_today() == pytest.approx(0.6)
    assert budget.reserve(0.5, "third").refused == "advice_budget"


def test_a_redis_that_does_not_answer_is_not_waited_for_each_time(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never replies
        client = redis.Redis(port=silent.getsockname()[1], socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
        budget = budget_in(tmp_path, client)
        for _ in range(3):
            budget.reserve(0.001)
        started = time.monotonic()
        for _ in range(50):
            assert not budget.reserve(0.001).refused
        assert time.monotonic() - started < 2


def test_keys_and_addresses_of_clients_are_not_kept(tmp_path):
    budget_in(tmp_path).reserve(0.1, "10.11.12.13")
    assert b"10.11.12.13" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_without_its_redis_a_process_counts_for_itself(advisor, monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "1")
    assert ask(advisor)["outcome"] == "answered"
    assert 0 < answer_budget().spent_today() < 0.01
