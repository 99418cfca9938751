"""Replies of an endpoint: deadlines, retries, and the circuit breaker."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from nivesh.errors import VertexRefused, VertexUnavailable
from nivesh.vertex import generation
from tests.vertex.server import BASE_ANSWER

BASE = "projects/local/locations/us-central1/publishers/google/models/gemini-2.5-flash"


@pytest.fixture(autouse=True)
def fresh():
    generation.breaker.cache_clear()


def ask(seconds: float = 5.0, endpoint: str = BASE, thinking: int = 0):
    return generation.generate(
        endpoint, "Be short.", "How much?", temperature=0.0, max_tokens=100, thinking_budget=thinking, seconds=seconds
    )


def test_an_answer_with_its_tokens(vertex):
    reply = ask()
    assert (reply.text, reply.stopped) == (BASE_ANSWER, "")
    assert reply.input_tokens > 0 and reply.output_tokens > 0
    (request,) = vertex.requests
    assert request.system_instruction.parts[0].text == "Be short."
    assert request.generation_config.max_output_tokens == 100


def test_thoughts_of_a_model_that_must_think_are_billed(vertex):
    pro = BASE.replace("flash", "pro")
    with pytest.raises(VertexRefused, match="Thinking can't be disabled"):
        ask(endpoint=pro)
    least = generation.min_thinking_budget(pro)
    assert ask(endpoint=pro, thinking=least).output_tokens == ask().output_tokens + least
    assert vertex.requests[1].generation_config.max_output_tokens == 100 + least


def test_a_refusal_between_outages_closes_the_circuit(vertex):
    down = [(grpc.StatusCode.DEADLINE_EXCEEDED, "down")] * (5 - 1)
    vertex.failures["GenerateContent"] = [*down, (grpc.StatusCode.UNAUTHENTICATED, "no"), *down]
    for _ in range(9):
        with pytest.raises((VertexUnavailable, VertexRefused)):
            ask()
    assert ask().text == BASE_ANSWER, "never five outages in a row"


def test_a_short_outage_is_retried(vertex):
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.UNAVAILABLE, "x"), (grpc.StatusCode.RESOURCE_EXHAUSTED, "x")]
    assert ask().text == BASE_ANSWER
    assert vertex.calls["GenerateContent"] == 3


def test_a_slow_reply_ends_at_the_deadline(vertex):
    vertex.delay = 3
    started = time.monotonic()
    with pytest.raises(VertexUnavailable):
        ask(seconds=0.5)
    assert time.monotonic() - started < 1.5


def test_a_quota_that_stays_used_up(vertex):
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.RESOURCE_EXHAUSTED, "tokens per minute")] * 50
    with pytest.raises(VertexUnavailable, match="quota.*tokens per minute"):
        ask(seconds=1)


def test_a_wrong_endpoint_is_no_outage(vertex):
    for _ in range(5 + 1):
        with pytest.raises(VertexRefused, match="not found"):
            ask(endpoint="projects/local/locations/us-central1/endpoints/77")
    assert ask().text


def test_after_outages_in_a_row_calls_are_refused_until_a_probe_succeeds(vertex, monkeypatch):
    monkeypatch.setattr(generation.breaker(BASE), "reset_seconds", 0.5)
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.UNAVAILABLE, "down")] * 1000
    for _ in range(5):
        with pytest.raises(VertexUnavailable, match="down|did not answer"):
            ask(seconds=0.05)
    before = vertex.calls["GenerateContent"]
    with pytest.raises(VertexUnavailable, match="is called again in"):
        ask()
    assert vertex.calls["GenerateContent"] == before
    time.sleep(0.6)
    vertex.failures.clear()
    vertex.delay = 0.3
    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(lambda _: _outcome(), range(5)))
    assert outcomes.count("answered") == 1, "one call probes, the others are refused"
    assert ask().text == BASE_ANSWER


def _outcome() -> str:
    try:
        ask()
        return "answered"
    except VertexUnavailable:
        return "refused"


def test_slow_replies_do_not_wait_for_each_other(vertex):
    vertex.delay = 0.5
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: ask(), range(8)))) == 8
    assert time.monotonic() - started < 2
