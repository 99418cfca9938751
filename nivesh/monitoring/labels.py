"""Labels that come after the predictions: added from tables, read for a window, joined by prediction_id.

The rows of ``POST /feedback`` lie in the same store. Which label counts is decided here, when they are read: the latest of a
prediction. A table that is added twice counts once.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pandas as pd

from nivesh import models
from nivesh.errors import DataError
from nivesh.models.interface import Model
from nivesh.monitoring.prediction_reader import in_utc, read_predictions
from nivesh.store import labels
from nivesh.store.labels import Label
from nivesh.store.objects import ObjectStore, monitoring_store

CLOCK_ERROR = timedelta(days=1)  # a label may be this much older than its prediction, or in the future


def add_labels(
    key: str, frame: pd.DataFrame, source: str, names: Collection[str] = (), store: ObjectStore | None = None
) -> int:
    """Store the labels of a table, all of them or, where one cannot be used, none.

    Args:
        key: of the model.
        frame: columns prediction_id and label, and optionally label_time: when the label became known, UTC where it names
            no zone; now where it is missing. A label may be JSON text.
        source: where they come from, such as the name of the file.
        names: the labels that the model can answer (``manifest.labels``); any name is taken where there are none.
        store: the monitoring store; that of the settings where not given.

    Returns:
        How many rows were stored; 0 where the same table was added before.

    Raises:
        ModelNotFound: there is no such model.
        DataError: a column is missing, or a row cannot be used; the message names the first one by the table's index.
        StorageUnavailable: the store cannot be reached, or refuses.
    """
    model = models.get(key)
    if missing := [name for name in ("prediction_id", "label") if name not in frame]:
        raise DataError(
            f"{source}: there is no column {' and no column '.join(missing)}; found {', '.join(map(str, frame))}"
        )
    given = frame["label_time"] if "label_time" in frame else pd.Series([None] * len(frame), index=frame.index)
    rows, told = [], []
    moment = datetime.now(UTC)
    columns = zip(frame.index, frame["prediction_id"], frame["label"], given, strict=True)
    for index, prediction_id, label, time in columns:
        try:
            row = labels.checked_id(prediction_id), _label(model, label, sorted(names)), _time(time, moment)
        except DataError as error:
            raise DataError(f"{source} row {index}: {error}") from None
        rows.append(Label(row[0], row[1], row[2] or moment))
        told.append(orjson.dumps(row, option=orjson.OPT_SORT_KEYS))
    if not rows:
        raise DataError(f"{source}: there are no labels")
    store = monitoring_store() if store is None else store
    # A table is recognised by what it says: without times its rows would get later ones, and win over corrections since.
    said = labels.digest(b"\n".join(sorted(told)))
    marker = f"labels/model={model.key}/added/{said}.json"
    if store.names(marker):
        return 0
    labels.write(store, model.key, rows, source)
    store.create(marker, orjson.dumps({"source": source, "rows": len(rows), "added": moment.isoformat()}))
    return len(rows)


def read_labels(key: str, start: datetime, end: datetime, store: ObjectStore | None = None) -> pd.DataFrame:
    """The labels of a model that became known in a window of time.

    Args:
        key: of the model.
        start, end: from ``start`` up to, not including, ``end``; UTC where they name no zone.
        store: the monitoring store; that of the settings where not given.

    Returns:
        Columns prediction_id, label, label_time and source: for each prediction its latest label of the window.

    Raises:
        ModelNotFound: there is no such model.
        StorageUnavailable: the store cannot be reached, or refuses.
    """
    store = monitoring_store() if store is None else store
    return labels.read(store, models.get(key).key, in_utc(start), in_utc(end))


def labels_of(key: str, predictions: pd.DataFrame, store: ObjectStore | None = None) -> pd.DataFrame:
    """The rows of ``read_predictions`` with the columns ``label`` (None where there is none yet) and ``label_time``.

    Read are all labels that came since the first of the predictions.
    """
    if predictions.empty:
        return with_labels(predictions, pd.DataFrame({"prediction_id": [], "label": [], "label_time": []}))
    first = predictions["time"].min().to_pydatetime() - CLOCK_ERROR
    return with_labels(predictions, read_labels(key, first, datetime.now(UTC) + CLOCK_ERROR, store))


def with_labels(predictions: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Predictions joined with labels by prediction_id. Pure.

    Args:
        predictions: rows of ``read_predictions``.
        found: columns prediction_id, label and label_time; each prediction_id at most once.
    """
    by_id = found.set_index("prediction_id")
    label = dict(zip(by_id.index, by_id["label"], strict=True))
    joined = predictions.assign(label_time=predictions["prediction_id"].map(by_id["label_time"]))
    # Labels may be lists, and False is one: no column of pandas may guess what is missing.
    values = [label.get(one) for one in predictions["prediction_id"]]
    return joined.assign(label=pd.Series(values, index=predictions.index, dtype=object))


def unknown_ids(key: str, ids: Collection[str], days: float, store: ObjectStore | None = None) -> list[str]:
    """The ids that no prediction of the last days in the log has, sorted."""
    now = datetime.now(UTC)
    known = set(read_predictions(key, now - timedelta(days=days), now + CLOCK_ERROR, store)["prediction_id"])
    return sorted(set(ids) - known)


def _label(model: Model, label: Any, names: list[str]) -> Any:
    """The checked label; of a table of texts, JSON is parsed where the text itself is none."""
    if hasattr(label, "tolist"):  # numpy's own scalars and arrays, as Parquet gives them
        label = label.tolist()
    try:
        return labels.checked(model, label, names)
    except DataError:
        try:
            parsed = orjson.loads(label) if isinstance(label, str) else label
        except orjson.JSONDecodeError:
            parsed = label
        if isinstance(parsed, str) or parsed is label:
            raise
        return labels.checked(model, parsed, names)


def _time(value: Any, now: datetime) -> datetime | None:
    if value is None or value is pd.NaT or value != value or value == "":
        return None
    try:
        time = pd.Timestamp(value)
        time = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    except (ValueError, TypeError):
        raise DataError(f"label_time {value!r} is not a time; write it as 2026-01-31T05:00:00Z") from None
    if time > now + CLOCK_ERROR:
        raise DataError(f"label_time {value!r} is in the future")
    return time.to_pydatetime()
