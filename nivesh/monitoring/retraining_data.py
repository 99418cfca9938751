"""The file that a retraining is trained on: copied once, under its own digest, without quarantined windows.

The digest is part of the path that the pipeline gets as its parameter. So no cache can answer with the model of an older file,
and whoever overwrites the file meanwhile does not change what is trained on.
"""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from nivesh import data, models
from nivesh.data.dialect import INDIA
from nivesh.errors import DataError, NiveshError
from nivesh.monitoring.retraining_ledger import Ledger, Quarantine
from nivesh.registry import storage
from nivesh.settings import settings


class Quarantined(NiveshError):
    """A window's data are broken, and cannot be left out of the file."""


@dataclass(frozen=True)
class TrainingFile:
    """A file as it is trained on.

    Attributes:
        address: where the pipeline reads it; its sha256 is part of it.
        sha256: of its content.
        note: what was left out; "" for nothing.
    """

    address: str
    sha256: str
    note: str = ""


def store_file(ledger: Ledger, source: str, window_start: datetime, window_end: datetime) -> TrainingFile:
    """Copy a training file into the ledger's store, without the rows of quarantined windows. Repeating it changes nothing.

    Args:
        source: a file of the model's dataset, a path or s3://BUCKET/NAME.
        window_start, window_end: the window that the retraining is for.

    Raises:
        DataError: there is no such file, or it is below the prediction log.
        Quarantined: rows of a quarantined window may be in the file, and its rows have no time to tell; or nothing of the
            window is left.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    _refuse_predictions(source)
    windows = [one for one in ledger.quarantined() if one.start < window_end and window_start < one.end]
    dataset = data.DATASETS[models.get(ledger.key).spec.dataset]
    if windows and not dataset.sort_by:
        raise Quarantined(
            f"{_words(windows[0])}, and rows of {dataset.kind} have no time by which they could be left out"
        )
    if not _remaining(window_start, window_end, windows):
        raise Quarantined(f"all of the window is quarantined: {_words(windows[0])}")
    with tempfile.TemporaryDirectory() as folder:
        path = storage.download(source, Path(folder)) if source.startswith("s3://") else Path(source)
        if not path.is_file():
            raise DataError(f"{source}: there is no such file to train on")
        content, name, note = path.read_bytes(), path.name, ""
        if dataset.sort_by and (everywhere := ledger.quarantined()):
            frame = dataset.read_rows(path).sorted
            kept = frame[~is_within(frame[dataset.sort_by], everywhere)]
            if len(kept) < len(frame):
                note = f"{len(frame) - len(kept)} of {len(frame)} rows of quarantined windows are left out"
                kept.to_parquet(Path(folder) / "kept.parquet", index=False)
                content, name = (Path(folder) / "kept.parquet").read_bytes(), f"{path.stem}.parquet"
    digest = hashlib.sha256(content).hexdigest()
    stored = f"{ledger.folder}/data/{digest}/{re.sub(r'^[.]+|[^A-Za-z0-9._-]', '_', name)}"
    ledger.store.create(stored, content)
    return TrainingFile(ledger.store.address(stored), digest, note)


def is_within(times: pd.Series, windows: Sequence[Quarantine]) -> pd.Series:
    """Which times are within one of the windows; times without a zone are Indian time, as the readers give them."""
    utc = (times.dt.tz_localize(INDIA) if times.dt.tz is None else times).dt.tz_convert(UTC)
    found = pd.Series(False, index=times.index)
    for one in windows:
        found |= (utc >= one.start) & (utc < one.end)
    return found


def _remaining(start: datetime, end: datetime, windows: Sequence[Quarantine]) -> bool:
    """Whether any part of a window is not quarantined."""
    covered = start
    for one in sorted(windows, key=lambda one: one.start):
        if one.start > covered:
            return True
        covered = max(covered, one.end)
    return covered < end


def _refuse_predictions(source: str) -> None:
    """A model's own answers are no labels: it would learn to repeat itself."""
    current = settings()
    stores = [str((current.home / "predictions").resolve()) + "/"]
    if current.prediction_store.startswith("s3://"):
        stores.append(current.prediction_store.rstrip("/") + "/")
    path = source if source.startswith("s3://") else str(Path(source).resolve())
    if any(path.startswith(store) for store in stores):
        raise DataError(f"{source}: the prediction log holds a model's own answers, which are no labels to train on")


def _words(one: Quarantine) -> str:
    return f"{one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC is quarantined ({one.reason})"
