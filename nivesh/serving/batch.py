"""Whole files through a model: measuring it on labelled rows, answering unlabelled ones."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh import data
from nivesh.errors import DataError, SettingsError
from nivesh.registry import model_registry
from nivesh.registry.loaded_model import load_version


def evaluate(
    key: str, path: Path, since: datetime | None = None, version: str = model_registry.CHAMPION
) -> dict[str, Any]:
    """Metrics of a served model on a labelled file.

    Args:
        since: judge only rows from this moment; older rows are the history that features are made of.
        version: a semantic version, or the champion.

    Raises:
        DataError: the file breaks a rule of its format, or has no rows from ``since``.
        ModelNotFound: there is no such model or version.
    """
    _, module, model = load_version(key, version)
    rows = module.build_features(data.read(module.spec.dataset, path))
    if since is None:
        return module.evaluate(model, rows)
    if "timestamp" not in rows:
        raise SettingsError(f"--from: rows of {module.spec.dataset} have no timestamp")
    judged = rows["timestamp"] >= since
    if not judged.any():
        raise DataError(
            f"{path.name}: no rows from {since:%Y-%m-%d}; the last is of {rows['timestamp'].max():%Y-%m-%d}"
        )
    return module.evaluate(model, rows[judged].reset_index(drop=True), history=rows[~judged].reset_index(drop=True))


def predict(key: str, source: Path, target: Path, version: str = model_registry.CHAMPION) -> int:
    """Answer every row of ``source`` and write them to ``target``, whole or not at all; returns how many rows.

    Raises:
        DataError: the file breaks a rule of its format.
        SettingsError: the target's name ends in none of .jsonl, .csv and .parquet.
    """
    if target.suffix not in WRITERS:
        raise SettingsError(f"{target}: the name must end in one of {', '.join(WRITERS)}")
    _, module, model = load_version(key, version)
    rows = module.build_features(data.read(module.spec.dataset, source, labelled=False))
    answers = module.predict_frame(model, rows)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.part")
    WRITERS[target.suffix](answers, staged)
    os.replace(staged, target)
    return len(answers)


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True, force_ascii=False, date_format="iso")


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Lists and dicts go into a cell as JSON."""
    nested = [name for name in frame if frame[name].map(lambda value: isinstance(value, list | dict)).any()]
    flat = frame.assign(**{name: frame[name].map(lambda v: json.dumps(v, ensure_ascii=False)) for name in nested})
    flat.to_csv(path, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


WRITERS = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
