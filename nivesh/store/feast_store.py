"""Feast's FeatureStore on this machine's settings.

Importing Feast takes seconds and hundreds of megabytes: materialisation and Feast's own server do, our servers do not.
"""

import asyncio
import json
import string
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml
from redis.connection import SSLConnection

from nivesh.errors import DataError
from nivesh.settings import PROJECT, settings
from nivesh.store import redis_client, snapshots, streaming
from nivesh.store.transaction_stream import validated

if TYPE_CHECKING:
    import pandas as pd

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


def push_transactions(rows: "pd.DataFrame") -> Counter[str]:
    """Fold transactions into their users' profiles, as ``POST /transactions`` does: each transaction_id once.

    Args:
        rows: user_id and the fields of a transaction; other columns (``event_timestamp``) are ignored.

    Returns:
        The number of rows by outcome.

    Raises:
        DataError: a row does not fit; then none is folded in.
        FeaturesUnavailable: Redis is away or refuses; push again, nothing counts twice.
    """
    from nivesh.models.anomaly_detector.schema import Transaction

    if "user_id" not in rows:
        raise DataError(f"a push of transactions needs the column user_id; found {', '.join(map(str, rows))}")
    checked = []
    for place, row in enumerate(rows.astype(object).where(rows.notna(), None).to_dict("records")):
        given = {name: row[name] for name in Transaction.model_fields if row.get(name) is not None}
        if isinstance(given.get("timestamp"), datetime):
            given["timestamp"] = given["timestamp"].isoformat()
        try:
            user_id, transaction = validated({"user_id": row["user_id"], "transaction": given})
            streaming.require_usable(transaction)
        except DataError as error:
            raise DataError(f"row {place} of the push: {error}; nothing was folded in") from None
        checked.append((user_id, transaction))
    return Counter(str(streaming.apply_transaction(*one).outcome) for one in checked)


def open_store() -> Any:
    """A ``FeatureStore`` with the definitions of feature_repo applied, whose push of transactions is
    ``push_transactions``, also over HTTP (``nivesh features serve``).

    Raises:
        FeaturesUnavailable: there is no Redis.
    """
    from feast import FeatureStore

    from feature_repo.definitions import PUSH_SOURCE, definitions

    class Store(FeatureStore):
        def push(self, push_source_name: str, df: "pd.DataFrame", *arguments: Any, **options: Any) -> None:
            if push_source_name != PUSH_SOURCE:
                super().push(push_source_name, df, *arguments, **options)
                return
            if str(getattr(options.get("to"), "name", "ONLINE")) != "ONLINE":
                raise DataError("transactions are pushed to the online store only; their files are the offline store")
            push_transactions(df)

        async def push_async(self, push_source_name: str, df: "pd.DataFrame", *arguments: Any, **options: Any) -> None:
            await asyncio.to_thread(self.push, push_source_name, df, *arguments, **options)

    objects: Sequence[Any] = definitions(snapshots.folder())
    with snapshots.exclusive_lock():
        for view in objects:
            if hasattr(view, "batch_source"):
                (snapshots.folder() / view.tags["group"]).mkdir(exist_ok=True)
        store = Store(config=repo_config())
        store.apply(list(objects))
    return store
