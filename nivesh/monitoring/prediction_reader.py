"""The prediction log as a table: the rows of a model in a window of time, with their JSON parsed.

    rows = read_predictions("credit_risk", start, end)

What has not been shipped yet is not read: a server ships a segment once it is a minute old, and keeps it on its own disk
while the store is away. A window that ended a few minutes ago is complete, unless a server's metric
``nivesh_prediction_log_waiting_seconds`` says otherwise.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pandas as pd
import pyarrow
import pyarrow.parquet

from nivesh import models
from nivesh.errors import DataError, SettingsError
from nivesh.serving.prediction_segments import COLUMNS
from nivesh.settings import settings
from nivesh.store.objects import ObjectStore, open_store

log = logging.getLogger("nivesh.monitoring.prediction_reader")

NESTED = ("request", "features", "answer")  # columns of JSON
MAX_WINDOW_DAYS = 400  # a year of rows is read by mistake more often than on purpose
READERS = 16  # threads: S3 answers in tens of milliseconds, whatever the size of a file


def read_predictions(key: str, start: datetime, end: datetime, store: ObjectStore | None = None) -> pd.DataFrame:
    """The logged predictions of a model, of all its versions.

    Only files of the window's days are listed, and only those of its hours are read. A file that cannot be read is left
    out, with a warning and its name in ``frame.attrs["unreadable"]``.

    Args:
        key: of the model.
        start, end: from ``start`` up to, not including, ``end``; UTC where they name no zone.
        store: of the log; that of NIVESH_PREDICTION_STORE where not given.

    Returns:
        The columns of the log (docs/monitoring.md), ``request``, ``features`` and ``answer`` as dicts and lists (None for
        those that were not kept), ``time`` in UTC; oldest row first, each prediction_id once.

    Raises:
        ModelNotFound: there is no such model.
        DataError: the window ends before it begins, or is longer than ``MAX_WINDOW_DAYS``.
        SettingsError: predictions are not logged here.
        StorageUnavailable: the store cannot be reached, or refuses.
    """
    key = models.get(key).key
    first, last = in_utc(start), in_utc(end)
    if not first < last:
        raise DataError(
            f"the window from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} is empty; start comes before end"
        )
    if last - first > timedelta(days=MAX_WINDOW_DAYS):
        raise DataError(f"the window has {(last - first).days} days; read at most {MAX_WINDOW_DAYS} at a time")
    store = prediction_store() if store is None else store
    with ThreadPoolExecutor(READERS) as pool:
        names = sorted(name for listed in pool.map(store.names, _days(store, key, first, last)) for name in listed)
        hours = {f"date={hour:%Y-%m-%d}/hour={hour:%H}" for hour in _steps(first, last, timedelta(hours=1))}
        wanted = [name for name in names if _partition(name) in hours]
        tables = list(pool.map(lambda name: _read(store, name), wanted))
    unreadable = [name for name, table in zip(wanted, tables, strict=True) if table is None]
    frame = _frame([table for table in tables if table is not None])
    frame = frame[(frame["time"] >= first) & (frame["time"] < last)]
    frame = frame.sort_values("time", kind="stable").drop_duplicates("prediction_id", keep="last")
    for column in NESTED:
        frame[column] = pd.Series([_parsed(text) for text in frame[column]], index=frame.index, dtype=object)
    frame = frame.reset_index(drop=True)
    frame.attrs["unreadable"] = unreadable
    return frame


def prediction_store() -> ObjectStore:
    """The store of NIVESH_PREDICTION_STORE.

    Raises:
        SettingsError: it is "off".
    """
    current = settings()
    if current.prediction_store == "off":
        raise SettingsError("NIVESH_PREDICTION_STORE is off: no predictions are logged; name the store of the servers")
    return open_store(current.prediction_store, current.home / "predictions")


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken to be in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def days(first: datetime, last: datetime) -> list[str]:
    """The days of a window that excludes its end, as ``2026-01-31``."""
    return [f"{day:%Y-%m-%d}" for day in _steps(first, last, timedelta(days=1))]


def _days(store: ObjectStore, key: str, first: datetime, last: datetime) -> list[str]:
    """The folders of the window's days, of every version."""
    versions = store.folders(f"model={key}/")
    return [f"{version}date={day}/" for version in versions for day in days(first, last)]


def _steps(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    """The hours or days that a window touches, each by its beginning."""
    at = first.replace(minute=0, second=0, microsecond=0)
    if step >= timedelta(days=1):
        at = at.replace(hour=0)
    while at < last:
        yield at
        at += step


def _partition(name: str) -> str:
    """``date=…/hour=…`` of a file; "" for what is no file of the log."""
    parts = name.split("/")
    return "/".join(parts[-3:-1]) if len(parts) >= 4 and name.endswith(".parquet") else ""


def _read(store: ObjectStore, name: str) -> pyarrow.Table | None:
    """A file's rows; None for one that is broken, or was deleted since it was listed."""
    try:
        table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(store.read(name))).read()
        return table.select(list(COLUMNS))
    except (pyarrow.ArrowException, KeyError, FileNotFoundError) as error:
        log.warning("%s is left out: %s: %s", name, type(error).__name__, error)
        return None


def _frame(tables: list[pyarrow.Table]) -> pd.DataFrame:
    if tables:
        return pyarrow.concat_tables(tables).to_pandas()
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
    return empty.astype({"time": "datetime64[us, UTC]", "status": "int32", "latency_ms": "float32"})


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a bare string is stored without quotation marks
        return text
