"""The address of Redis, and what is refused with which words; with real Redis servers."""

import subprocess

import pytest
import redis

from nivesh.errors import FeaturesUnavailable, SettingsError
from nivesh.store import feast_store, local_redis, online_store


def test_a_wrong_password_is_told_as_that_and_not_shown(store, monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", f"unix://:wrong-secret@{store.folder}/s")
    with pytest.raises(FeaturesUnavailable, match="user or password; correct NIVESH_REDIS_URL") as told:
        online_store.get_features("u")
    assert "wrong-secret" not in str(told.value)


def test_an_unknown_option_of_the_address(monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "redis://:secret@localhost/?ssl_nonsense=1")
    with pytest.raises(SettingsError, match="NIVESH_REDIS_URL.*ssl_nonsense") as told:
        online_store.get_features("u")
    assert "secret" not in str(told.value)


def test_an_address_with_another_scheme(monkeypatch):
    monkeypatch.setenv("NIVESH_REDIS_URL", "http://:secret@localhost")
    with pytest.raises(SettingsError, match="redis://") as told:
        online_store.get_features("u")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3cr#et@127.0.0.1:6379/0",
        "redis://:s3cr/et@127.0.0.1:6379/0",
        "redis://:s3cr?et@127.0.0.1:6379/0",
        "redis://:s3cr[et@127.0.0.1:6379/0",
        "redis://:63/et@127.0.0.1:6379/0",
        "redis://:63?et@127.0.0.1:6379/0",
        "unix:///run/redis.sock?password=s3cr#et",
    ],
)
def test_a_password_that_is_not_escaped_is_not_shown(monkeypatch, url):
    monkeypatch.setenv("NIVESH_REDIS_URL", url)
    for call in (lambda: online_store.get_features("u"), lambda: feast_store.connection_string(url)):
        with pytest.raises(SettingsError, match="percent-encode the password") as refused:
            call()
        shown = str(refused.value) + str(refused.value.__context__ if not refused.value.__suppress_context__ else "")
        assert not any(part in shown for part in ("s3cr", "et@", "63"))


@pytest.fixture
def cluster_node(tmp_path):
    """A Redis in cluster mode, which serves no slots."""
    socket = tmp_path / "c"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), "--cluster-enabled", "yes"]
    process = subprocess.Popen([local_redis.executable(), *options], stdout=subprocess.DEVNULL)
    with redis.Redis(
        unix_socket_path=str(socket), retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 200)
    ) as client:
        client.ping()
    yield f"unix://{socket}"
    process.kill()
    process.wait()


def test_a_redis_cluster_is_named_as_such(home, monkeypatch, cluster_node):
    monkeypatch.setenv("NIVESH_REDIS_URL", cluster_node)
    for call in (lambda: online_store.get_features("u"), lambda: online_store.save_features("u", {"x": 1})):
        with pytest.raises(FeaturesUnavailable, match="a node of a Redis Cluster"):
            call()
