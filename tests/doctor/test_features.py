import time

import pytest

from nivesh.doctor import features
from nivesh.doctor.finding import Status
from nivesh.features.groups import COMPUTE
from nivesh.store import local_redis, online_store
from tests.conformance.conftest import free_port

DAY = 86_400
FRESH = dict.fromkeys(COMPUTE, 0.0)


def test_a_dead_port(monkeypatch):
    port = free_port()
    monkeypatch.setenv("NIVESH_REDIS_URL", f"redis://:secret@127.0.0.1:{port}/0")
    (finding,) = features.redis_server()
    assert finding.status is Status.FAIL and f"127.0.0.1:{port} does not answer" in finding.message
    assert "docker compose up -d redis" in finding.remedy and "secret" not in finding.message


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_and_none(redis_server, monkeypatch, password):
    monkeypatch.setenv("NIVESH_REDIS_URL", f"unix://{redis_server.folder}/s" + f"?password={password}" * bool(password))
    (finding,) = features.redis_server()
    assert finding.status is Status.FAIL and "refuse" in finding.message
    assert "correct the password in NIVESH_REDIS_URL" in finding.remedy


def test_a_redis_that_hangs(store):
    store.freeze()
    start = time.monotonic()
    try:
        (finding,) = features.redis_server()
    finally:
        store.thaw()
    assert finding.status is Status.FAIL and "did not answer within 3 s" in finding.message and finding.remedy
    assert time.monotonic() - start < 6


def test_an_emptied_redis_and_a_filled_one(store):
    store.client.hset(online_store.MARKER, mapping=dict.fromkeys(COMPUTE, time.time() - 3600))
    assert [finding.status for finding in features.redis_server()] == [Status.OK, Status.OK]
    store.client.flushall()
    server, found = features.redis_server()
    assert server.status is Status.OK
    assert found.status is Status.FAIL and "Redis lost its data" in found.message
    assert found.remedy == "nivesh features materialize"


def test_a_url_that_is_none(monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "redis://127.0.0.1:1/0?no_such_option=1")
    (finding,) = features.redis_server()
    assert finding.status is Status.FAIL and "NIVESH_REDIS_URL" in finding.remedy


@pytest.mark.parametrize(
    ("ages", "status", "text"),
    [
        ({}, Status.OK, "0.0 days"),
        ({"finances": 3 * DAY}, Status.WARN, "older than 2 days: behaviour 0.0 days, finances 3.0 days"),
        ({"finances": 8 * DAY}, Status.FAIL, "too old for the models: finances"),
        ({"history": 91 * DAY}, Status.FAIL, "too old for the models: history"),
        ({"history": 40 * DAY}, Status.WARN, "history 40.0 days"),
        ({"behaviour": -600}, Status.FAIL, "behaviour is of 600 s in the future"),
        ({"behaviour": -60}, Status.OK, "behaviour 0.0 days"),
    ],
)
def test_the_age_of_each_group(ages, status, text):
    now = 1.7e9
    marker = {group: now - seconds for group, seconds in (FRESH | ages).items()}
    finding = features.age(marker, {"behaviour": None, "finances": 7 * DAY, "history": None}, now)
    assert finding.status is status and text in finding.message
    assert ("nivesh features materialize" in finding.remedy) == (status is not Status.OK)


def test_a_group_that_was_never_filled():
    finding = features.age({"finances": 1.0}, {"finances": None, "history": None}, 2.0)
    assert finding.status is Status.FAIL and finding.message.startswith("no history of anybody")


def test_the_limits_are_those_of_the_models():
    assert features.limits().keys() == COMPUTE.keys()


def test_an_embedded_redis_is_not_started(home):
    (finding,) = features.redis_server()
    assert finding.status is Status.WARN and "never filled" in finding.message
    assert not home.exists()


def test_an_embedded_redis_that_runs_is_asked(home):
    online_store.save_features("user_1", {"monthly_income": 1.0})
    assert local_redis.running(home)
    server, found = features.redis_server()
    assert server.status is Status.OK and found.status is Status.FAIL


def test_no_redis_server_on_this_machine(home, monkeypatch):
    monkeypatch.setattr(local_redis.shutil, "which", lambda *_, **__: None)
    (finding,) = features.redis_server()
    assert finding.status is Status.FAIL and "apt-get install redis-server" in finding.remedy
