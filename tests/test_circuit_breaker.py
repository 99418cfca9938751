import threading

import pytest

from nivesh.circuit_breaker import CircuitBreaker


class Refused(Exception):
    pass


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock in seconds that the test moves."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def breaker(clock):
    return CircuitBreaker("Redis", outage=TimeoutError, unavailable=Refused, max_failures=3, reset_seconds=2)


def call(breaker, error=None):
    with breaker.guard():
        if error:
            raise error
    return "answered"


def fail(breaker, times):
    for _ in range(times):
        with pytest.raises(TimeoutError):
            call(breaker, TimeoutError())


def test_fewer_outages_than_the_maximum_refuse_nobody(breaker):
    fail(breaker, 2)
    assert call(breaker) == "answered"
    fail(breaker, 2)
    assert call(breaker) == "answered", "a success sets the count to 0"


def test_an_error_of_a_working_service_is_no_outage(breaker):
    fail(breaker, 2)
    for _ in range(5):
        with pytest.raises(ValueError):
            call(breaker, ValueError())
    fail(breaker, 2)
    assert call(breaker) == "answered"


def test_consecutive_outages_open_the_circuit_and_a_successful_probe_closes_it(breaker, clock):
    fail(breaker, 3)
    clock[0] += 1.9
    with pytest.raises(Refused, match=r"Redis failed 3 times in a row; it is called again in 0\.1 s"):
        call(breaker)
    clock[0] += 0.2
    assert call(breaker) == "answered"
    fail(breaker, 2)
    assert call(breaker) == "answered"


def test_a_failed_probe_opens_the_circuit_again(breaker, clock):
    fail(breaker, 3)
    clock[0] += 2.1
    fail(breaker, 1)
    with pytest.raises(Refused):
        call(breaker)


def test_one_call_probes_while_the_others_are_refused(breaker, clock):
    fail(breaker, 3)
    clock[0] += 2.1
    probing, finish = threading.Event(), threading.Event()

    def probe():
        with breaker.guard():
            probing.set()
            finish.wait(5)

    thread = threading.Thread(target=probe)
    thread.start()
    assert probing.wait(5)
    with pytest.raises(Refused):
        call(breaker)
    finish.set()
    thread.join()
    assert call(breaker) == "answered"


def test_a_probe_that_never_ends_does_not_keep_the_circuit_open(breaker, clock):
    fail(breaker, 3)
    clock[0] += 2.1
    with pytest.raises(KeyboardInterrupt):
        call(breaker, KeyboardInterrupt())
    with pytest.raises(Refused):
        call(breaker)
    clock[0] += 2.1
    assert call(breaker) == "answered"
