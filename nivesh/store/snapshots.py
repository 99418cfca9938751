"""Users' features as they were known at moments: one Parquet file for each domain and moment, under NIVESH_HOME.

    .nivesh/features/<domain>/<moment, UTC>.parquet     user_id, event_timestamp, the domain's features

Feast's definitions name these folders as their sources. What a question needs is told by the files' names, so that
neither a load nor a training frame grows with what lies there beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nivesh.features.feature_views import CATCH_ALL, FLOAT, INTEGER, JSON, View, views_of
from nivesh.settings import settings
from nivesh.store.local_redis import locked
from nivesh.store.storage_format import to_json

ARROW = {FLOAT: pa.float64(), INTEGER: pa.int64()}
NAME = "%Y%m%dT%H%M%S%f"
ROWS = 1000  # in memory at a time: 30 MB of the largest profiles


def folder() -> Path:
    """Where the Parquet sources and Feast's registry are."""
    return settings().home.resolve() / "features"


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder alone: two writers at a time would break each other's files and Feast's registry."""
    folder().mkdir(parents=True, exist_ok=True)
    with locked(folder() / ".lock"):
        yield


def write(group: str, features: dict[str, dict[str, Any]], moment: datetime) -> None:
    """Keep the features of many users at one moment; other users' features at the same moment stay."""
    *domains, other = views_of(group)
    named = {name for domain in domains for name in domain.features}
    rest = {user: {k: v for k, v in values.items() if k not in named} for user, values in features.items()}
    with alone():
        for domain in domains:
            _write(domain, features, moment)
        if any(rest.values()):
            _write(other, {user: {CATCH_ALL: values} for user, values in rest.items()}, moment)


def between(domain: str, start: datetime, end: datetime) -> list[Path]:
    """The snapshots of a domain after ``start`` and up to ``end``, the newest first."""
    first, last = (moment.astimezone(UTC).strftime(NAME) for moment in (start, end))
    return sorted((path for path in (folder() / domain).glob("*.parquet") if first < path.stem <= last), reverse=True)


def newest(domain: str, start: datetime, end: datetime) -> Iterator[pd.DataFrame]:
    """Each user's newest row among the snapshots after ``start`` and up to ``end``, at most ``ROWS`` rows at a time.

    Of an older file only the users are read where all of them have newer rows.
    """
    seen = pa.array([], pa.string())
    for path in between(domain, start, end):
        users = pq.read_table(path, columns=["user_id"])["user_id"].combine_chunks()
        if not pc.all(pc.is_in(users, seen)).as_py():
            for batch in pq.ParquetFile(path).iter_batches(batch_size=ROWS):
                fresh = batch.filter(pc.invert(pc.is_in(batch["user_id"], seen)))
                yield fresh.to_pandas(types_mapper=pd.ArrowDtype)  # a missing whole number makes no others floats
            seen = pc.unique(pa.concat_arrays([seen, users]))


def _write(domain: View, features: dict[str, dict[str, Any]], moment: datetime) -> None:
    columns = {
        "user_id": pa.array(features, pa.string()),
        "event_timestamp": pa.array([moment] * len(features), pa.timestamp("us", "UTC")),
    }
    for name, kind in domain.features.items():
        values = [row.get(name) for row in features.values()]
        if kind == JSON:
            values = [None if value is None else to_json(value) for value in values]
        columns[name] = pa.array(values, ARROW.get(kind, pa.string()))
    target = folder() / domain.name / f"{moment.astimezone(UTC):{NAME}}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if target.exists():
        before = pq.read_table(target)
        others = pc.invert(pc.is_in(before["user_id"], table["user_id"]))
        table = pa.concat_tables([before.filter(others), table])
    draft = target.with_name(".new")  # readers of the folder overlook names that begin with a dot
    pq.write_table(table, draft, compression="zstd")
    draft.rename(target)
