"""Answers of an endpoint: in time, tried again, and left alone while it is down."""

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


def test_a_model_that_cannot_but_think_is_let_and_its_thoughts_are_paid(vertex):
    pro = BASE.replace("flash", "pro")
    with pytest.raises(VertexRefused, match="Thinking can't be disabled"):
        ask(endpoint=pro)
    least = generation.min_thinking_budget(pro)
    assert ask(endpoint=pro, thinking=least).output_tokens == ask().output_tokens + least
    assert vertex.requests[1].generation_config.max_output_tokens == 100 + least


def test_who_says_no_between_outages_is_there(vertex):
    down = [(grpc.StatusCode.DEADLINE_EXCEEDED, "down")] * (5 - 1)
    vertex.failures["GenerateContent"] = [*down, (grpc.StatusCode.UNAUTHENTICATED, "no"), *down]
    for _ in range(9):
        with pytest.raises((VertexUnavailable, VertexRefused)):
            ask()
    assert ask().text == BASE_ANSWER, "never five outages in a row"


def test_a_moments_outage_is_not_seen(vertex):
    vertex.failures["GenerateContent"] = [(grpc.StatusCode.UNAVAILABLE, "x"), (grpc.StatusCode.RESOURCE_EXHAUSTED, "x")]
    assert ask().text == BASE_ANSWER
    assert vertex.calls["GenerateContent"] == 3


def test_a_slow_answer_is_given_up_in_time(vertex):
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


def test_after_failures_in_a_row_it_is_left_alone_and_then_tried_by_one(vertex, monkeypatch):
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
    assert outcomes.count("answered") == 1, "one tries, the others wait for what it finds"
    assert ask().text == BASE_ANSWER


def _outcome() -> str:
    try:
        ask()
        return "answered"
    except VertexUnavailable:
        return "left alone"


def test_slow_answers_do_not_wait_for_each_other(vertex):
    vertex.delay = 0.5
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: ask(), range(8)))) == 8
    assert time.monotonic() - started < 2
