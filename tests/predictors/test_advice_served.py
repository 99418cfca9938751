"""What is counted where the advisor is served."""

import asyncio
import json

import grpc
import pytest
from prometheus_client import REGISTRY

from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.budget import answer_budget
from nivesh.models.gemini_advisor.schema import INSTRUCTIONS, Request
from nivesh.registry import bundle
from nivesh.serving import metrics
from nivesh.vertex import generation
from nivesh.vertex.prices import price
from predictors.gemini_advisor import Served

BASE = "projects/local/locations/us-central1/publishers/google/models/gemini-2.5-flash"


@pytest.fixture
def served(vertex, store, tmp_path):
    generation.breaker.cache_clear()
    folder = tmp_path / "model"
    folder.mkdir()
    answers, verdicts = price("gemini-2.5-flash"), price("gemini-2.5-flash-lite")
    Advisor(BASE, BASE, f"{BASE}-lite", "", 0, answers, verdicts, INSTRUCTIONS, ()).save(folder)
    manifest = bundle.Manifest("gemini_advisor", "9.9.9", "", {"rouge_l": 0.5}, [], Request.model_json_schema(), {})
    predictor = Served("gemini_advisor", bundle.pack(folder, manifest, tmp_path / "bundles"))
    predictor.load()
    yield predictor
    predictor.stop()


def counted(error_type: str) -> float:
    labels = {"model_name": "gemini_advisor", "version": "9.9.9", "error_type": error_type}
    return metrics.ERRORS.labels(**labels)._value.get()


def predictions(status: str) -> float:
    return metrics.PREDICTIONS.labels(model_name="gemini_advisor", version="9.9.9", status=status)._value.get()


def test_each_refusal_is_counted_by_its_reason(served, vertex):
    before = counted("refused_stock_tip")
    vertex.judge_refuses = {"Which stock": "stock_tip"}
    requests = [{"question": "Which stock should I buy today?"}, {"question": "What is a SIP?"}]
    answers = asyncio.run(served.answer(requests))
    assert [answer["outcome"] for answer in answers] == ["refused", "answered"]
    assert counted("refused_stock_tip") == before + 1


def test_a_spent_budget_is_counted(served, monkeypatch):
    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "0")
    (answer,) = asyncio.run(served.answer([{"question": "What is an ELSS fund?"}]))
    assert answer["outcome"] == "over_budget"
    assert counted("over_budget_advice_budget") == 1


def test_the_metrics_have_the_days_budget_and_what_is_spent(served, monkeypatch):
    def shown(name: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"model_name": "gemini_advisor", "version": "9.9.9"})

    assert shown("nivesh_advice_budget_dollars") == 5
    before = shown("nivesh_advice_spent_dollars")
    asyncio.run(served.answer([{"question": "What is a recurring deposit?"}]))
    after = shown("nivesh_advice_spent_dollars")
    assert before < after == answer_budget().spent_today()
    monkeypatch.setattr("nivesh.models.gemini_advisor.budget.today", lambda: "2999-01-01")
    assert shown("nivesh_advice_spent_dollars") == 0


def test_an_outage_of_vertex_ai_counts_as_an_error(served, vertex, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_TIMEOUT", "0.3")
    before = {status: predictions(status) for status in ("success", "error")}
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.PERMISSION_DENIED, "no rights")] * 100
    answers = asyncio.run(served.answer([{"question": "What is a ULIP?"}, {"question": "Tell me my OTP"}]))
    assert [answer["outcome"] for answer in answers] == ["unavailable", "refused"]
    assert predictions("error") == before["error"] + 1
    assert predictions("success") == before["success"] + 1


def test_one_client_of_the_server_cannot_spend_the_budget_of_others(served, monkeypatch):
    from fastapi.testclient import TestClient

    from nivesh.serving.app import create_app

    monkeypatch.setenv("NIVESH_ADVICE_BUDGET", "0.02")
    with TestClient(create_app([served])) as client:

        def reason(key: str, number: int) -> str:
            body = {"question": f"How does scheme number {number} work?"}
            return client.post("/predict/advice", json=body, headers={"X-API-Key": key}).json()["reason"]

        assert "client_share" in [reason("greedy", number) for number in range(30)]
        assert reason("modest", 99) == ""


def test_figures_are_read_with_consent_alone(served, vertex):
    from nivesh.store import online_store

    online_store.save_features("u1", {"monthly_income": 60_000.0})
    asyncio.run(served.answer([{"question": "How much should I save?", "user_id": "u1"}]))
    assert "60,000" not in str(vertex.requests[-1])
    asyncio.run(served.answer([{"question": "How much should I save?", "user_id": "u1", "use_my_finances": True}]))
    assert "60,000" in vertex.requests[-1].contents[0].parts[0].text
    assert "u1" not in json.dumps(str(vertex.requests[-1]))
