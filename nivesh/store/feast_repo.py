"""feature_repo with this machine's settings filled in: a Feast FeatureStore, and frames of its past.

Importing Feast takes seconds and hundreds of megabytes: training and materialisation do, servers do not.
"""

import json
import string
from datetime import datetime
from typing import Any

import pandas as pd
import yaml
from redis.connection import SSLConnection, parse_url

from nivesh import models
from nivesh.errors import DataError, SettingsError
from nivesh.features.feature_views import FEATURE_TTL, views_of
from nivesh.settings import PROJECT, settings
from nivesh.store import online_store, snapshots

SECONDS = 30  # in which Redis must answer a batch of a materialisation


def config(name: str = "feature_store.yaml", redis_url: str | None = None) -> Any:
    """The RepoConfig of one of feature_repo's files.

    Args:
        name: the file; the others show how Feast's Spark or Ray engine takes over.
        redis_url: of the online store; ``feature_store.address()`` where not given.
    """
    from feast import RepoConfig

    path = PROJECT / "feature_repo" / name
    redis = connection_string(redis_url or online_store.address())
    known = {"NIVESH_HOME": str(settings().home.resolve()), "NIVESH_FEAST_REDIS": redis}
    quoted = {name: value.replace("'", "''") for name, value in known.items()}
    raw = yaml.safe_load(string.Template(path.read_text()).substitute(quoted))
    return RepoConfig(**raw, repo_path=path.parent)


def connection_string(url: str) -> str:
    """A Redis URL as Feast writes it: ``host:port,password="…",ssl=true,…``, with every option of the URL.

    Raises:
        SettingsError: it is no URL of Redis.
    """
    try:
        options = parse_url(url)
    except ValueError as error:
        raise SettingsError(f"NIVESH_REDIS_URL: {error}") from None
    kind = options.pop("connection_class", None)
    if "path" in options:
        options["unix_socket_path"] = options.pop("path")
    host, port = options.pop("host", "localhost"), options.pop("port", 6379)
    options |= {"ssl": True} if kind is SSLConnection else {}
    options = {"socket_timeout": SECONDS, "socket_connect_timeout": 2, **options}
    return ",".join([f"{host}:{port}", *(f"{name}={_quoted(value)}" for name, value in options.items())])


def _quoted(value: Any) -> str:
    """Feast splits at commas and reads values as JSON: a text in quotes stays a text, with its commas written so."""
    return json.dumps(value).replace(",", "\\u002c")


def open_store() -> Any:
    """The FeatureStore, with its definitions applied.

    Raises:
        FeaturesUnavailable: there is no Redis.
    """
    from feast import FeatureStore

    from feature_repo.definitions import definitions

    every = definitions(snapshots.folder())
    with snapshots.alone():
        for view in every:
            if hasattr(view, "batch_source"):
                (snapshots.folder() / view.name).mkdir(exist_ok=True)
        store = FeatureStore(config=config())
        store.apply(every)
    return store


def training_frame(key: str, moments: pd.DataFrame) -> pd.DataFrame:
    """What a model's requests would have read from the store at given moments: never what came later.

    The same join as Feast's ``get_historical_features``, which in 0.67 leaves out the rows without a snapshot, and
    fails where there is none for any; where both answer, they answer the same (tests/test_feast_repo.py).

    Args:
        key: the model.
        moments: columns ``user_id`` and ``event_timestamp`` (UTC where it has no zone), and others, which are kept.

    Returns:
        The rows with the features of the newest snapshot at or before each moment, and not older than ``FEATURE_TTL``; NaN
        where there is none. What is no number or text is JSON.

    Raises:
        DataError: the model reads no features, or nothing was materialised.
    """
    spec = models.get(key).spec
    if not spec.user_features:
        raise DataError(f"{spec.key} reads no features of users")
    when = pd.to_datetime(moments["event_timestamp"], utc=True).astype("datetime64[us, UTC]")
    start, end = when.min() - FEATURE_TTL - pd.Timedelta("1us"), when.max()
    files = {domain.name: snapshots.between(domain.name, start, end) for domain in views_of(spec.user_features)}
    if not any(files.values()):
        raise DataError(f"there are no snapshots of {spec.user_features} up to {end}: nivesh features materialize")
    frame = pd.DataFrame(
        {"user_id": moments["user_id"].astype(str), "event_timestamp": when, "row": range(len(moments))}
    )
    frame = frame.sort_values("event_timestamp", kind="stable")
    for some in filter(None, files.values()):
        known = pd.concat(map(pd.read_parquet, reversed(some)), ignore_index=True)
        frame = pd.merge_asof(frame, known, on="event_timestamp", by="user_id", tolerance=FEATURE_TTL)
    features = frame.sort_values("row").drop(columns=["user_id", "event_timestamp", "row"])
    return moments.join(features.set_axis(moments.index))


def materialize(store: Any, start: datetime | None, end: datetime) -> None:
    """Load into Redis each user's newest features up to ``end``: after ``start``, or since the last time where None.

    What Feast's own ``materialize`` does, which in 0.67 reads the whole past of all users into memory each time.

    Raises:
        FeaturesUnavailable: Redis is away or refuses; the next load takes up what is missing.
    """
    with snapshots.alone(), online_store.unavailable("written"):
        store.refresh_registry()
        for view in store.list_feature_views():
            after = start or view.most_recent_end_time or end - FEATURE_TTL
            for rows in snapshots.newest(view.name, after, end):
                store.provider.ingest_df(view, rows)
            store.registry.apply_materialization(view, store.project, after, end)
