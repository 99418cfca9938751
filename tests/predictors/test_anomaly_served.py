"""The served detector sees what was just paid: bursts, copies, questions; with a real Redis."""

from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient

import predictors
from nivesh import data, models
from nivesh.registry.bundle import Manifest
from nivesh.serving.app import create_app
from nivesh.store import online_store
from nivesh.store.materialization import materialize

USER = "user_123"


@pytest.fixture(scope="module")
def detector():
    """A detector fitted on a few users."""
    rows = data.read("transactions")
    model = models.get("anomaly_detector")
    users = sorted(rows["user_id"].unique())[:12]
    return model.fit(model.build_features(rows[rows["user_id"].isin(users)]), progress=lambda *step: None)


@pytest.fixture
def client(store, detector, tmp_path):
    rows = data.read("transactions")
    path = tmp_path / "rows.parquet"
    rows[rows["user_id"] == USER].to_parquet(path)
    materialize(path, as_of=datetime.now())
    served = predictors.create("anomaly_detector", tmp_path)
    served.manifest = Manifest("anomaly_detector", "1.0.0", "2025-01-01T00:00:00+00:00", {}, [], {}, {})
    served.labels = {"model_name": "anomaly_detector", "version": "1.0.0"}
    served.fitted, served.ready = detector, True
    return TestClient(create_app([served]), raise_server_exceptions=False)


def body(number: int, minutes: float, user: str = USER, **changes) -> dict:
    transaction = {
        "transaction_id": f"N{number}", "amount": 420 + 7 * number, "category": "food_delivery", "merchant": "Swiggy",
        "timestamp": (datetime(2025, 10, 2, 13) + timedelta(minutes=minutes)).isoformat(), "city": "Pune",
    }  # fmt: skip
    return {"user_id": user, "transaction": transaction | changes}


def ask(client, request: dict) -> dict:
    answer = client.post("/predict/anomaly", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_six_payments_a_minute_apart_are_flagged(client):
    answers = [ask(client, body(number, number)) for number in range(6)]
    bursts = [answer["features"]["burst_10m"] for answer in answers]
    assert bursts[0] == 0 and bursts[5] > bursts[2] > 0
    assert answers[5]["is_anomaly"]
    assert any("6 payments within 10 minutes" in reason for reason in answers[5]["reasons"])
    assert answers[5]["history"] == answers[0]["history"] + 5


def test_payments_by_transactions_are_seen_by_the_next_request(client):
    for number in range(5):
        recorded = client.post("/transactions", json=body(number, number))
        assert (recorded.status_code, recorded.json()) == (200, {"outcome": "applied"})
    assert ask(client, body(5, 5))["is_anomaly"]
    assert client.post("/transactions", json=body(2, 2)).json() == {"outcome": "duplicate"}


def test_a_retry_gets_the_same_answer(client):
    answers = [ask(client, body(number, 200 * number)) for number in range(4)]
    assert [ask(client, body(number, 200 * number)) for number in range(4)] == answers


def test_a_question_changes_nothing(client):
    before = online_store.get_features(USER, "behaviour")
    first, second = (ask(client, body(1, 1, transaction_id="")) for _ in range(2))
    assert first == second and online_store.get_features(USER, "behaviour") == before


def test_a_batch_of_questions_and_transactions_is_answered_in_its_order(client):
    instances = [body(1, 1), body(9, 2, transaction_id=""), body(2, 2), body(3, 3)]
    answers = client.post("/v1/models/anomaly-detector:predict", json={"instances": instances}).json()["predictions"]
    assert [answer["history"] - answers[1]["history"] for answer in answers] == [0, 0, 1, 2]


def test_a_new_user_begins_with_a_transaction_and_not_with_a_question(client):
    assert client.post("/predict/anomaly", json=body(1, 1, "new", transaction_id="")).status_code == 404
    assert ask(client, body(1, 1, "new"))["history"] == 0
    assert ask(client, body(2, 9, "new"))["history"] == 1


def test_an_emptied_redis_is_unavailable_and_not_an_unknown_user(client, store):
    store.client.flushall()
    for path, request in (
        ("/predict/anomaly", body(1, 1)),
        ("/predict/anomaly", body(1, 1, transaction_id="")),
        ("/transactions", body(1, 1)),
    ):
        answer = client.post(path, json=request)
        assert answer.status_code == 503 and "lost its data" in answer.json()["error"]


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (body(1, 1, transaction_id=""), "transaction_id"),
        (body(1, 1, timestamp="2126-01-01T00:00:00"), "in the future"),
        (body(1, 1, amount=-1), "transaction.amount"),
        ({"user_id": "u"}, "transaction"),
        ([1], "give an object"),
    ],
)
def test_what_transactions_refuses(client, request_body, message):
    answer = client.post("/transactions", json=request_body)
    assert answer.status_code == 422 and message in answer.json()["error"]
