"""``POST /feedback``: behind a 202 the label is in the store, whatever happens to the server."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from nivesh import models
from nivesh.errors import StorageUnavailable
from nivesh.serving import feedback_routes
from nivesh.serving.app import create_app
from nivesh.serving.label_writer import LabelWriter
from nivesh.store import labels
from nivesh.store.labels import Label
from nivesh.store.objects import monitoring_store, open_store
from tests.serving.conftest import Echo

ID = "0123456789abcdef0123456789abcdef"
INTENT = {"prediction_id": ID, "label": "savings"}


@pytest.fixture
def send(home, client):
    """Send a body to /feedback of a server of one model."""

    def post(body, **environment):
        return client(**environment).post("/feedback", json=body)

    return post


def stored(key="intent_classifier", store=None):
    now = datetime.now(UTC)
    day = timedelta(days=1)
    found = labels.read(store or monitoring_store(), key, now - day, now + day)
    return dict(zip(found["prediction_id"], found["label"], strict=True))


def test_one_label_and_many(send):
    answer = send(INTENT)
    assert (answer.status_code, answer.json()) == (202, {"stored": 1})
    assert stored() == {ID: "savings"}
    many = [{"prediction_id": f"{ID}-{number}", "label": "loans", "model": "intent-classifier"} for number in (1, 2)]
    assert send(many).json() == {"stored": 2}
    assert stored() == {ID: "savings", f"{ID}-1": "loans", f"{ID}-2": "loans"}
    assert send(INTENT | {"label": "loans"}).status_code == 202
    assert stored()[ID] == "loans", "a later label wins"


def test_the_id_of_a_response_is_taken(send, client):
    answer = client().post("/predict/intent", json={"query": "Can I afford a car?"})
    assert send({"prediction_id": answer.headers["X-Prediction-Id"], "label": "loans"}).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"prediction_id": ID}, 422, "give {"),
        ({"prediction_id": ID, "label": "a", "comment": "b"}, 422, "give {"),
        ([], 422, "there are no labels"),
        ("savings", 422, "give {"),
        ({"prediction_id": "1", "label": "a"}, 422, "X-Prediction-Id"),
        ({"prediction_id": ID, "label": 5}, 422, "give one like"),
        ({"prediction_id": ID, "label": "a", "model": "iris"}, 422, "must be one of intent_classifier"),
        ({"prediction_id": ID, "label": "a", "model": ["iris"]}, 422, "must be one of intent_classifier"),
        ([INTENT, {"prediction_id": ID, "label": ""}], 422, "label 2: label:"),
        ([INTENT] * 101, 413, "at most 100"),
    ],
)
def test_what_is_no_label_is_refused_as_a_whole(send, body, status, words):
    answer = send(body)
    assert answer.status_code == status and words in answer.json()["error"], answer.text
    assert monitoring_store().names() == []


def test_labels_are_those_of_the_loaded_model(home):
    predictor = Echo()
    predictor.manifest.labels.extend(["savings", "loans"])
    client = TestClient(create_app([predictor]))
    assert client.post("/feedback", json=INTENT).status_code == 202
    answer = client.post("/feedback", json=INTENT | {"label": "9876543210"})
    assert answer.status_code == 422
    assert "its labels are savings, loans" in answer.json()["error"]
    assert "9876543210" not in answer.text
    assert client.post("/feedback", json=INTENT | {"label": "out_of_scope"}).status_code == 202


def test_a_server_of_several_models_takes_labels_of_all(home):
    client = TestClient(create_app([], models.keys()))
    assert client.post("/feedback", json=INTENT).status_code == 422, "the model must be named"
    for key in models.keys():
        body = {"prediction_id": ID, "label": models.get(key).label_example, "model": key}
        assert client.post("/feedback", json=body).status_code == 202, key
        assert stored(key) == {ID: models.get(key).label_example}
    mail = {"prediction_id": ID, "label": "Ask me@example.com", "model": "gemini_advisor"}
    assert client.post("/feedback", json=mail).status_code == 202
    assert stored("gemini_advisor") == {ID: "Ask [EMAIL]"}
    content = [monitoring_store().read(name) for name in monitoring_store().names()]
    assert not any(b"me@example" in one for one in content)


def test_many_at_once_share_files_and_lose_nothing(home, client):
    server = client()
    with ThreadPoolExecutor(16) as pool:
        bodies = [{"prediction_id": f"{number:032x}", "label": "loans"} for number in range(200)]
        answers = list(pool.map(lambda body: server.post("/feedback", json=body).status_code, bodies))
    assert answers == [202] * 200
    assert stored().keys() == {f"{number:032x}" for number in range(200)}
    assert len(monitoring_store().names()) < 100


class Away:
    """A store that cannot be written until it is back."""

    def __init__(self, store):
        self.store, self.away = store, True

    def write(self, name, data):
        if self.away:
            raise StorageUnavailable("the store is away")
        self.store.write(name, data)


def test_a_store_that_is_away_is_told_and_nothing_is_promised(home, client, monkeypatch, tmp_path):
    store = Away(open_store("", tmp_path / "labels"))
    monkeypatch.setattr(feedback_routes, "open_label_store", lambda: store)
    server = client()
    answer = server.post("/feedback", json=INTENT)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "1" and "away" in answer.json()["error"]
    store.away = False
    assert server.post("/feedback", json=INTENT).status_code == 202
    assert stored(store=store.store) == {ID: "savings"}


def test_labels_are_not_kept_where_they_would_be_lost(send, client):
    off = send(INTENT, PREDICTION_STORE="off")
    assert off.status_code == 503 and "NIVESH_PREDICTION_STORE is off" in off.json()["error"]
    other = send(INTENT, PREDICTION_STORE="s3://predictions/nivesh")
    assert other.status_code == 503 and "set NIVESH_MONITORING_STORE" in other.json()["error"]


def test_feedback_needs_the_api_key(send):
    assert send(INTENT, API_KEY="secret").status_code == 401


def test_a_full_queue_refuses(monkeypatch):
    monkeypatch.setattr("nivesh.serving.label_writer.MAX_WAITING", 1)
    monkeypatch.setattr(LabelWriter, "_write", lambda self: None)
    writer = LabelWriter(lambda: None)
    label = Label(ID, "loans", datetime.now(UTC))
    writer.add("intent_classifier", [label])
    with pytest.raises(Exception, match="too many labels wait"):
        writer.add("intent_classifier", [label])


SENDER = """
import json, sys
from fastapi.testclient import TestClient
from nivesh.serving.app import create_app
client = TestClient(create_app([], ["credit_risk"]))
number = 0
while True:
    body = [{"prediction_id": f"{number:032x}-{i}", "label": True} for i in range(1, 6)]
    assert client.post("/feedback", json=body).status_code == 202
    print(number, flush=True)
    number += 1
"""


def test_a_killed_server_has_stored_whatever_it_accepted(home):
    process = subprocess.Popen([sys.executable, "-c", SENDER], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    accepted = [process.stdout.readline() for _ in range(4)]
    os.kill(process.pid, signal.SIGKILL)
    accepted += process.stdout.readlines()
    process.wait()
    numbers = [int(one) for one in accepted if one.endswith("\n")]
    found = stored("credit_risk")
    assert numbers and {f"{number:032x}-{i}" for number in numbers for i in range(1, 6)} <= found.keys()


def test_the_description_has_the_route(client):
    described = client().get("/openapi.json").json()["paths"]["/feedback"]["post"]
    assert set(described["responses"]) >= {"202", "413", "422", "503"}
    assert json.dumps(described["requestBody"]).count("affordability_check") == 1
