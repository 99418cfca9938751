"""Feast's FeatureStore on this machine's settings.

Importing Feast takes seconds and hundreds of megabytes: materialisation and Feast's own server do, our servers do not.
"""

import json
import string
from collections.abc import Sequence
from typing import Any

import yaml
from redis.connection import SSLConnection

from nivesh.settings import PROJECT, settings
from nivesh.store import redis_client, snapshots

SOCKET_TIMEOUT = 30  # seconds in which Redis must answer a batch of Feast's


def repo_config(name: str = "feature_store.yaml", redis_url: str | None = None) -> Any:
    """Feast's ``RepoConfig`` of one of the files of feature_repo, with its variables filled in.

    Args:
        name: of the file; the others show how Feast's Ray engine takes over.
        redis_url: of the online store; ``redis_client.address()`` where not given.
    """
    from feast import RepoConfig

    path = PROJECT / "feature_repo" / name
    redis = connection_string(redis_url or redis_client.address())
    variables = {"NIVESH_HOME": str(settings().home.resolve()), "NIVESH_FEAST_REDIS": redis}
    quoted = {name: value.replace("'", "''") for name, value in variables.items()}
    raw = yaml.safe_load(string.Template(path.read_text()).substitute(quoted))
    return RepoConfig(**raw, repo_path=path.parent)


def connection_string(url: str) -> str:
    """A Redis URL in Feast's notation: ``host:port,password="…",ssl=true,…``, with all options of the URL.

    Raises:
        SettingsError: it is not a Redis URL.
    """
    options = redis_client.parse(url)
    kind = options.pop("connection_class", None)
    if "path" in options:
        options["unix_socket_path"] = options.pop("path")
    host, port = options.pop("host", "localhost"), options.pop("port", 6379)
    options |= {"ssl": True} if kind is SSLConnection else {}
    options = {"socket_timeout": SOCKET_TIMEOUT, "socket_connect_timeout": 2, **options}
    return ",".join([f"{host}:{port}", *(f"{name}={_quoted(value)}" for name, value in options.items())])


def _quoted(value: Any) -> str:
    """Feast splits at commas and reads values as JSON: strings are quoted, their commas escaped."""
    return json.dumps(value).replace(",", "\\u002c")


def open_store() -> Any:
    """A ``FeatureStore`` with the definitions of feature_repo applied.

    Raises:
        FeaturesUnavailable: there is no Redis.
    """
    from feast import FeatureStore

    from feature_repo.definitions import definitions

    objects: Sequence[Any] = definitions(snapshots.folder())
    with snapshots.exclusive_lock():
        for view in objects:
            if hasattr(view, "batch_source"):
                (snapshots.folder() / view.tags["group"]).mkdir(exist_ok=True)
        store = FeatureStore(config=repo_config())
        store.apply(list(objects))
    return store
