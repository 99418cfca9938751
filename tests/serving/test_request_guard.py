import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from nivesh.serving.request_guard import RequestGuard


@pytest.fixture
def client(monkeypatch):
    """A client of an app behind the limits, made with these settings."""

    def make(**environment: str) -> TestClient:
        for name, value in environment.items():
            monkeypatch.setenv(f"NIVESH_{name}", value)
        app = FastAPI()

        @app.get("/health")
        def health():
            return "fine"

        @app.post("/echo")
        async def echo(request: Request):
            return len(await request.body())

        app.add_middleware(RequestGuard)
        return TestClient(app)

    return make


def test_open_by_default(client):
    assert client().post("/echo", content=b"abc").json() == 3


def test_a_key_is_needed_where_one_is_set(client):
    guarded = client(API_KEY="s3cret")
    assert guarded.post("/echo").status_code == 401
    assert guarded.post("/echo", headers={"X-API-Key": "wrong"}).status_code == 401
    assert guarded.post("/echo", headers={"X-API-Key": "s3cret"}).status_code == 200
    assert guarded.get("/health").status_code == 200


def test_more_than_the_rate_is_told_to_wait(client):
    limited = client(RATE_LIMIT="3")
    assert [limited.post("/echo").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = limited.post("/echo")
    assert answer.headers["retry-after"] == "60"
    assert answer.json() == {"error": "more than 3 requests a minute; try again in a minute"}
    assert limited.get("/health").status_code == 200


def test_too_large_is_refused_with_and_without_a_length(client):
    small = client(MAX_BODY_BYTES="10")
    assert small.post("/echo", content=b"a" * 10).json() == 10
    assert small.post("/echo", content=b"a" * 11).status_code == 413
    assert small.post("/echo", content=(b"a" * 6 for _ in range(2))).status_code == 413
    assert small.post("/echo", content=(b"a" * 5 for _ in range(2))).json() == 10
