"""Whole files through a model: evaluating it on labelled rows, predicting unlabelled ones."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from nivesh import data
from nivesh.errors import DataError, SettingsError
from nivesh.registry import model_registry
from nivesh.registry.loaded_model import load_version

ROW = "__row__"  # the place of a row in its file, while a model may reorder the rows


class Predicted(NamedTuple):
    """What ``predict`` wrote."""

    rows: int
    notes: list[str]


def evaluate(
    key: str,
    path: Path,
    since: datetime | None = None,
    version: str = model_registry.CHAMPION,
    dialect: data.Dialect = data.DEFAULT,
) -> dict[str, Any]:
    """Metrics of a served model on a labelled file.

    Args:
        key: the model's key.
        path: a labelled file of the model's dataset.
        since: evaluate only rows from this time on; older rows are the history that features are made of.
        version: a semantic version, or the champion.
        dialect: what a table does differently from the project's own format.

    Raises:
        DataError: the file breaks a rule of its format, or has no rows from ``since``.
        ModelNotFound: there is no such model or version.
    """
    _, module, model = load_version(key, version)
    rows = module.build_features(data.read(module.spec.dataset, path, dialect=dialect))
    if since is None:
        return module.evaluate(model, rows)
    if "timestamp" not in rows:
        raise SettingsError(f"--from: rows of {module.spec.dataset} have no timestamp")
    recent = rows["timestamp"] >= since
    if not recent.any():
        raise DataError(
            f"{path.name}: no rows from {since:%Y-%m-%d}; the last is of {rows['timestamp'].max():%Y-%m-%d}"
        )
    return module.evaluate(model, rows[recent].reset_index(drop=True), history=rows[~recent].reset_index(drop=True))


def predict(
    key: str,
    source: Path,
    target: Path,
    version: str = model_registry.CHAMPION,
    dialect: data.Dialect = data.DEFAULT,
) -> Predicted:
    """Answer every row of a file; the output has the file's own columns and order, and the predictions behind them.

    Of a forecast: a row for each user and month. The output is written whole or not at all.

    Args:
        key: the model's key.
        source: a file of the model's dataset, or a pipe.
        target: file to write; the suffix gives the format.
        version: a semantic version, or the champion.
        dialect: what a table does differently from the project's own format.

    Raises:
        DataError: the file breaks a rule of its format.
        SettingsError: the target is the source or a folder, or its name ends in none of .jsonl, .csv and .parquet.
    """
    _check_target(source, target)
    _, module, model = load_version(key, version)
    rows = data.DATASETS[module.spec.dataset].read_rows(source, labelled=False, dialect=dialect)
    rows.checked[ROW] = np.arange(len(rows.checked))
    features = module.build_features(rows.sorted)
    answers = module.predict_frame(model, features)
    if ROW in answers:
        answers = _beside(rows.source, answers.sort_values(ROW, ignore_index=True), features)
    staged = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[target.suffix.lower()](answers, staged)
        os.replace(staged, target)
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        if staged.parent.is_dir():
            staged.unlink(missing_ok=True)
    return Predicted(len(answers), rows.notes)


def _check_target(source: Path, target: Path) -> None:
    if target.is_dir():
        raise SettingsError(f"{target}: is a folder; give the name of a file to write")
    if target.suffix.lower() not in WRITERS:
        raise SettingsError(f"{target}: the name must end in one of {', '.join(WRITERS)}")
    if source.exists() and target.exists() and source.samefile(target):
        raise SettingsError(f"{target}: is the input; write the output to another file")


def _beside(source: pd.DataFrame, answers: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """The file's columns with the predictions behind them, called predicted_NAME where the file has that name."""
    predictions = answers[[name for name in answers if name not in features]]
    return source.join(
        predictions.rename(columns={name: f"predicted_{name}" for name in predictions if name in source})
    )


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True, force_ascii=False, date_format="iso")  # NaN becomes null


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Lists and dicts go into a cell as JSON."""
    nested = [name for name in frame if frame[name].map(lambda value: isinstance(value, list | dict)).any()]
    flat = frame.assign(**{name: frame[name].map(lambda v: json.dumps(v, ensure_ascii=False)) for name in nested})
    flat.to_csv(path, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """A column of values of several types (of JSON) becomes one of JSON texts."""
    texts = {}
    for name in frame.select_dtypes(object):
        try:
            pa.array(frame[name], from_pandas=True)
        except pa.ArrowException:
            texts[name] = frame[name].map(lambda value: json.dumps(value, ensure_ascii=False, default=str))
    frame.assign(**texts).to_parquet(path, index=False)


WRITERS = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
