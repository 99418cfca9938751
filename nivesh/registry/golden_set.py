"""The golden set: labelled rows, frozen once, that no model is trained on. The gate measures every challenger on them too.

It is a file of the model's dataset in the project's own format, named by the pipeline's parameter ``golden_path``; a retraining
takes it from NIVESH_GOLDEN_SET. 1,000 rows or more: on fewer, as good can hardly be shown.
"""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh import data, models
from nivesh.models.interface import Fitted, Model
from nivesh.registry import storage
from nivesh.registry.comparison import measure_champion
from nivesh.registry.gate import GoldenSet, Interval, Segment


def read(key: str, source: str) -> pd.DataFrame:
    """The checked rows of a golden set, a path or s3://BUCKET/NAME.

    Raises:
        DataError: there is no such file, or a row breaks a rule.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    kind = models.get(key).spec.dataset
    if not source.startswith("s3://"):
        return data.read(kind, source)
    with tempfile.TemporaryDirectory() as folder:
        return data.read(kind, storage.download(source, Path(folder)))


def without(rows: pd.DataFrame, golden: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows that are not in the golden set, whatever their label says; both of one dataset."""
    columns = [name for name in rows if name in golden and name not in data.DATASETS[kind].labels]
    known = pd.util.hash_pandas_object(golden[columns].astype(str), index=False)
    own = pd.util.hash_pandas_object(rows[columns].astype(str), index=False)
    return rows[~own.isin(set(known)).to_numpy()].reset_index(drop=True)


def measure(model: Model, challenger: Fitted, golden: pd.DataFrame) -> GoldenSet:
    """Challenger and champion on the golden set.

    Rows with a time are split as for a training: the newest are judged, the others are their history.
    """
    rows = model.build_features(golden) if model.spec.builds_features else golden
    history = rows
    if data.DATASETS[model.spec.dataset].sort_by:
        parts = model.split(rows, 0)
        rows, history = parts.test, parts.train
    champion = measure_champion(model, challenger, rows, history)
    measured = model.evaluate(challenger, rows, history=history)
    return GoldenSet(len(rows), measured, champion.metrics, champion.interval, champion.segments, champion.loss)


def from_dict(found: dict[str, Any] | None) -> GoldenSet | None:
    """A measured golden set from the JSON of ``dataclasses.asdict``; None stays None."""
    if found is None:
        return None
    interval = Interval(**found["interval"]) if found["interval"] else None
    losses = segments_from_dicts([found["loss"]] if found["loss"] else [])
    parts = {"segments": segments_from_dicts(found["segments"]), "loss": losses[0] if losses else None}
    return GoldenSet(**found | {"interval": interval} | parts)


def segments_from_dicts(found: list[dict[str, Any]]) -> list[Segment]:
    """Segments from the JSON of ``dataclasses.asdict``."""
    return [Segment(**one | {"interval": Interval(**one["interval"])}) for one in found]
