"""Snapshots of all users' features: one Parquet file per group and event time, under NIVESH_HOME.

    .nivesh/features/<group>/<event time, UTC>.parquet     user_id, event_timestamp, the features of the group's views

Feast's definitions name these folders as their sources. File names tell which files a load or a training frame needs,
so that neither grows with the number of snapshots kept.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nivesh.features.feature_views import FLOAT, INTEGER, views_of
from nivesh.settings import settings
from nivesh.store.local_redis import locked
from nivesh.store.storage_format import to_primitives

ARROW = {FLOAT: pa.float64(), INTEGER: pa.int64()}
FILE_NAME = "%Y%m%dT%H%M%S%f"
BATCH_ROWS = 1000  # in memory at a time: 30 MB of the largest profiles


def folder() -> Path:
    """Where the Parquet sources and Feast's registry are."""
    return settings().home.resolve() / "features"


@contextmanager
def exclusive_lock() -> Iterator[None]:
    """Lock the folder; waits for the holder. Two concurrent writers would corrupt files and Feast's registry."""
    folder().mkdir(parents=True, exist_ok=True)
    with locked(folder() / ".lock"):
        yield


def write(group: str, features: Mapping[str, Mapping[str, Any]], event_time: datetime) -> None:
    """Write one snapshot; other users' features of the same event time stay.

    Args:
        features: values by user id and feature name.
        event_time: with a zone; up to when the users' data are covered.

    Raises:
        DataError: a value is not of its feature's type.
    """
    rows = as_table(group, features, event_time)
    with exclusive_lock():
        _write(folder() / group / f"{event_time.astimezone(UTC):{FILE_NAME}}.parquet", rows)


def as_table(group: str, features: Mapping[str, Mapping[str, Any]], event_time: datetime) -> pa.Table:
    """One snapshot as a table, without writing it; arguments and errors as of ``write``."""
    rows = [to_primitives(group, user_id, values) for user_id, values in features.items()]
    columns = {
        "user_id": pa.array(features, pa.string()),
        "event_timestamp": pa.array([event_time] * len(features), pa.timestamp("us", "UTC")),
    }
    for view in views_of(group):
        for name, kind in view.features.items():
            columns[name] = pa.array([row.get(name) for row in rows], ARROW.get(kind, pa.string()))
    return pa.table(columns)


def between(group: str, start: datetime, end: datetime) -> list[Path]:
    """The snapshots of a group from ``start`` to ``end``, both included, newest first."""
    first, last = (time.astimezone(UTC).strftime(FILE_NAME) for time in (start, end))
    return sorted((path for path in (folder() / group).glob("*.parquet") if first <= path.stem <= last), reverse=True)


def newest(group: str, start: datetime, end: datetime) -> Iterator[pa.RecordBatch]:
    """Each user's newest row of the snapshots from ``start`` to ``end``, in batches of at most ``BATCH_ROWS``.

    Of a file whose users all have newer rows only the user ids are read.
    """
    seen = pa.array([], pa.string())
    for path in between(group, start, end):
        users = pq.read_table(path, columns=["user_id"])["user_id"].combine_chunks()
        if not pc.all(pc.is_in(users, seen)).as_py():
            for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS):
                yield batch.filter(pc.invert(pc.is_in(batch["user_id"], seen)))
            seen = pc.unique(pa.concat_arrays([seen, users]))


def _write(target: Path, table: pa.Table) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        before = pq.read_table(target, schema=table.schema)
        others = pc.invert(pc.is_in(before["user_id"], table["user_id"]))
        table = pa.concat_tables([before.filter(others), table])
    draft = target.with_name(".new")  # readers of the folder ignore names that begin with a dot
    pq.write_table(table, draft, compression="zstd")
    draft.rename(target)
