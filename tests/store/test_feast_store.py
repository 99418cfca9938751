"""Feast's settings from ours."""

import pytest

from nivesh.errors import SettingsError
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.store import feast_store


@pytest.mark.parametrize(
    ("url", "host", "options"),
    [
        ("redis://localhost", "localhost", {}),
        (
            "rediss://app:1e5@features.example:6380/2?ssl_ca_certs=/certs/ca.pem&ssl_cert_reqs=required",
            "features.example",
            {"username": "app", "password": "1e5", "db": 2, "ssl": True, "ssl_ca_certs": "/certs/ca.pem"},
        ),
        ("redis://:a%2Cb%3D%22%24%27@h:1", "h", {"password": "a,b=\"$'"}),
        ("unix://:p@/run/redis.sock", "localhost", {"password": "p", "unix_socket_path": "/run/redis.sock"}),
    ],
)
def test_feast_reads_every_option_of_a_url(home, url, host, options):
    from feast.infra.online_stores.redis import RedisOnlineStore

    config = feast_store.repo_config(redis_url=url)
    (node,), read = RedisOnlineStore._parse_connection_string(config.online_store.connection_string)
    assert node["host"] == host
    assert {name: read.get(name) for name in options} == options
    assert config.online_store.key_ttl_seconds == FEATURE_TTL.total_seconds()
    assert str(home) in config.registry.path


def test_a_home_with_any_name(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "a: b #c 'd पुणे"))
    for name in ("feature_store.yaml", "feature_store.ray.yaml"):
        config = feast_store.repo_config(name, "redis://localhost")
        assert config.registry.path == f"{tmp_path}/a: b #c 'd पुणे/features/registry.db"


def test_another_scheme_is_refused(home):
    with pytest.raises(SettingsError, match="NIVESH_REDIS_URL"):
        feast_store.connection_string("http://localhost")
