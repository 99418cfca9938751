import pytest
from fastapi.testclient import TestClient

from nivesh.registry.bundle import Manifest
from nivesh.serving.app import create_app
from nivesh.serving.predictor import Predictor


class Echo(Predictor):
    """A loaded intent classifier whose answers name the texts that it was given."""

    def __init__(self):
        super().__init__("intent_classifier", folder=None)
        self.manifest = Manifest(
            "intent_classifier", "1.4.0", "2025-01-01T00:00:00+00:00", {"accuracy": 0.9}, [], {}, {}
        )
        self.labels = {"model_name": self.key, "version": self.version}
        self.ready = True

    def _answer(self, requests):
        return [{"intent": request["query"], "confidence": 1.0, "alternatives": []} for request in requests]


@pytest.fixture
def client(monkeypatch):
    """A client of a server of one model (``Echo``), made with these settings."""

    def make(**environment: str) -> TestClient:
        for name, value in environment.items():
            monkeypatch.setenv(f"NIVESH_{name}", value)
        return TestClient(create_app([Echo()]), raise_server_exceptions=False)

    return make
