"""A server whose Redis dies and freezes in mid-load and comes back: 503s in time, no wrong score, no restart."""

import itertools
import re
import threading
import time
from collections import Counter

import httpx
import pytest

from nivesh import data, models
from nivesh.features.finances import online_features
from nivesh.registry import bundle, experiments, model_registry
from nivesh.settings import settings
from nivesh.store import online_store
from tests.conformance.conftest import start

BODY = {"loan_amount": 500_000, "loan_tenure_months": 60}


@pytest.fixture
def served(store, home, tmp_path):
    """``nivesh serve`` with a credit-risk model fitted on few rows, and the features of a few users."""
    risk = models.get("credit_risk")
    rows = data.read("transactions")
    rows = rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:12])]
    online_store.save_batch_features(online_features(rows), ttl=None)
    model = risk.fit(risk.build_features(data.read("loans").head(1500)), progress=lambda *step: None)
    (tmp_path / "model").mkdir()
    risk.save(model, tmp_path / "model")
    run_id = experiments.client().create_run(experiments.create_experiment("credit_risk")).info.run_id
    version = model_registry.semantic_version(model_registry.register_model("credit_risk", f"runs:/{run_id}/model"))
    manifest = bundle.Manifest("credit_risk", version, "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {})
    bundle.pack(tmp_path / "model", manifest, settings().bundles)
    model_registry.set_champion("credit_risk", version)
    server = start(home, NIVESH_REDIS_TIMEOUT="0.3")
    yield server, sorted(rows["user_id"].unique())
    server.process.terminate()
    server.process.wait(timeout=60)


class Load:
    """Requests from several threads until stopped: what was answered, and how long the slowest took."""

    def __init__(self, url: str, right: dict[str, float]):
        self.answers: Counter = Counter()
        self.wrong: list[dict] = []
        self.errors: set[str] = set()
        self.slowest = 0.0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(url, right)) for _ in range(6)]
        for thread in self.threads:
            thread.start()

    def _ask(self, url: str, right: dict[str, float]) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            for user in itertools.cycle(right):
                if self.stopped.is_set():
                    return
                started = time.monotonic()
                answer = client.post("/predict/credit-risk", json=BODY | {"user_id": user})
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.answers[answer.status_code] += 1
                if answer.status_code == 200 and answer.json()["probability_of_default"] != right[user]:
                    self.wrong.append(answer.json())
                elif answer.status_code == 503:
                    self.errors.add(answer.json()["error"])

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def until(self, status: int, more: int = 20) -> None:
        """Wait for that many more answers of a status."""
        wanted, deadline = self.answers[status] + more, time.monotonic() + 20
        while self.answers[status] < wanted:
            assert time.monotonic() < deadline, f"{self.answers}, {self.errors}"
            time.sleep(0.02)


def test_redis_goes_away_under_load_and_comes_back(served, store):
    server, users = served
    right = {}
    for user in users:
        right[user] = server.post("/predict/credit-risk", json=BODY | {"user_id": user}).json()[
            "probability_of_default"
        ]
    assert len(set(right.values())) > 3
    load = Load(server.url, right)
    try:
        for _ in range(2):
            load.until(200)
            store.kill()
            load.until(503)
            store.start()
            load.until(200)
        store.freeze()
        load.until(503)
        store.thaw()
        load.until(200)
    finally:
        store.thaw()
        load.stop()
    assert set(load.answers) == {200, 503} and not load.wrong
    assert load.slowest < 3
    assert all("features cannot be read" in error for error in load.errors)
    assert server.get("/health").json()["models_loaded"] == 1
    metrics = server.get("/metrics").text
    assert float(re.search(r'ml_feature_age_seconds_count{model_name="credit_risk".*} (\S+)', metrics)[1]) > 0
    assert 'error_type="FeaturesUnavailable"' in metrics


def test_features_that_are_too_old_are_refused(served, store, monkeypatch):
    server, (user, *_) = served
    age = models.get("credit_risk").spec.max_feature_age
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - age - 3600)
    online_store.save_features(user, online_store.get_features(user), ttl=None)
    answer = server.post("/predict/credit-risk", json=BODY | {"user_id": user})
    assert answer.status_code == 503
    assert "days old" in answer.json()["error"] and "nivesh features materialize" in answer.json()["error"]
