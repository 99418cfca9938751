"""Labels of predictions: what really was, as people or other systems tell it later. One row per label, never changed.

    labels/model=credit_risk/date=2026-01-31/<digest>.parquet      in the monitoring store

A file is named after its content, so that the same labels written twice are there once. Which of several labels of a
prediction counts is decided when they are read: the latest.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
import pandas as pd
import pyarrow
import pyarrow.parquet
from pydantic import TypeAdapter, ValidationError

from nivesh import models
from nivesh.errors import DataError
from nivesh.models.interface import Model
from nivesh.models.served import masked
from nivesh.store.objects import ObjectStore

SCHEMA = pyarrow.schema(
    [
        ("prediction_id", pyarrow.string()),
        ("label", pyarrow.string()),  # JSON
        ("label_time", pyarrow.timestamp("us", "UTC")),
        ("source", pyarrow.string()),
    ]
)
READERS = 16  # threads
ID = re.compile(r"[0-9a-f]{32}(-[1-9]\d{0,5})?")  # of a request, and behind it the number of an instance


@dataclass(frozen=True)
class Label:
    """A label of one prediction.

    Attributes:
        prediction_id: of the prediction log, and of the header X-Prediction-Id.
        label: of the model's type ``Label``, as ``checked`` returned it.
        time: when it became known; of several labels of a prediction the latest counts.
    """

    prediction_id: str
    label: Any
    time: datetime


def checked(model: Model, label: Any, names: Sequence[str] = ()) -> Any:
    """A label as it may be stored: of the model's type, plain JSON, personal data in its texts masked.

    Args:
        model: that made the prediction.
        label: as it came.
        names: the labels that the model can answer; any name is taken where there are none.

    Raises:
        DataError: it is of another type, or holds a name that the model does not have.
    """
    try:
        parsed = _type(model.key).validate_python(label)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise DataError(
            f"label: {place}{first['msg']}; give one like {orjson.dumps(model.label_example).decode()}"
        ) from None
    value = _type(model.key).dump_python(parsed, mode="json")
    if names and (unknown := sorted(set(model.monitoring.label_names(value)) - set(names))):
        shown = ", ".join(masked(name) for name in unknown)
        raise DataError(f"label: {model.key} has no {shown}; its labels are {', '.join(names)}")
    return masked(value)


def checked_id(prediction_id: Any) -> str:
    """The id of a prediction.

    Raises:
        DataError: it cannot be one.
    """
    text = prediction_id.strip() if isinstance(prediction_id, str) else ""
    if not ID.fullmatch(text):
        raise DataError(
            "prediction_id is not that of a prediction: send the response header X-Prediction-Id, with -1, -2, … behind it "
            "for the instances of a batch"
        )
    return text


def write(store: ObjectStore, key: str, labels: Sequence[Label], source: str) -> None:
    """Store labels; when it returns, they are stored.

    Args:
        store: the monitoring store.
        key: of the model.
        labels: with checked values.
        source: where they come from, such as "feedback" or the name of a file.

    Raises:
        StorageUnavailable: the store cannot be reached, or refuses.
    """
    by_day: dict[str, list[Label]] = {}
    for label in labels:
        by_day.setdefault(f"{label.time.astimezone(UTC):%Y-%m-%d}", []).append(label)
    for day, rows in sorted(by_day.items()):
        content = _parquet(rows, source)
        store.write(f"{_folder(key)}date={day}/{digest(content)}.parquet", content)


def read(store: ObjectStore, key: str, start: datetime, end: datetime) -> pd.DataFrame:
    """The labels of a model that became known from ``start`` up to, not including, ``end``.

    Returns:
        Columns prediction_id, label (parsed), label_time and source: for each prediction its latest label.
    """
    wanted = {f"{_folder(key)}date={day:%Y-%m-%d}/" for day in pd.date_range(start.date(), end.date(), freq="D")}
    folders = [folder for folder in store.folders(_folder(key)) if folder in wanted]
    with ThreadPoolExecutor(READERS) as pool:
        names = sorted(name for listed in pool.map(store.names, folders) for name in listed)
        tables = list(pool.map(lambda name: _table(store.read(name)), names))
    frame = pyarrow.concat_tables([SCHEMA.empty_table(), *tables]).to_pandas()
    frame = frame[(frame["label_time"] >= start) & (frame["label_time"] < end)]
    # Labels of the same moment are ordered by their text, so that any order of files gives the same result.
    frame = frame.sort_values(["label_time", "label"], kind="stable").drop_duplicates("prediction_id", keep="last")
    frame["label"] = pd.Series([orjson.loads(text) for text in frame["label"]], index=frame.index, dtype=object)
    return frame.reset_index(drop=True)


def digest(content: bytes) -> str:
    """The name of what has this content."""
    return hashlib.sha256(content).hexdigest()[:32]


def _folder(key: str) -> str:
    return f"labels/model={key}/"


@cache
def _type(key: str) -> TypeAdapter[Any]:
    return TypeAdapter(models.get(key).Label)


def _parquet(labels: Sequence[Label], source: str) -> bytes:
    rows = sorted(
        {(one.prediction_id, orjson.dumps(one.label, option=orjson.OPT_SORT_KEYS).decode(), one.time) for one in labels}
    )
    columns = list(zip(*rows, strict=True))
    table = pyarrow.table([*columns, [source] * len(rows)], schema=SCHEMA)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _table(content: bytes) -> pyarrow.Table:
    return pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content)).read().select(SCHEMA.names)
