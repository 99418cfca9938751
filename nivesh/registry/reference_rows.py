"""The reference of drift detection: held-out rows as the prediction log would hold them, stored in the bundle.

``model/reference.parquet`` has the columns request, features and answer as JSON texts, like the prediction log, and label.
Personal data in texts are masked, user ids left out.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.errors import BundleError
from nivesh.models.interface import Fitted, Model
from nivesh.models.served import TEXT_DATASETS, masked, scalars, without_identity

FILE = "reference.parquet"
COLUMNS = ("request", "features", "answer", "label")
MAX_ROWS = 5_000
MAX_TEXTS = 2_000  # each is embedded at every comparison, and the test of embeddings takes no more


def write(model: Model, fitted: Fitted, test: pd.DataFrame, history: pd.DataFrame | None, folder: Path) -> Path:
    """Answer a sample of the held-out rows and write ``reference.parquet`` into a folder; returns its path."""
    texts = model.spec.dataset in TEXT_DATASETS
    clean = masked if texts else lambda value: value
    replay = model.monitoring.replay(fitted, test, history, MAX_TEXTS if texts else MAX_ROWS)
    kept = []
    for request, answer, label in zip(replay.requests, replay.answers, replay.labels, strict=True):
        features = request.get("features")
        asked = {name: value for name, value in request.items() if name != "features"}
        kept.append(
            [
                clean(without_identity(asked)),
                scalars(features) if features else None,
                clean(without_identity(answer)),
                clean(label),
            ]
        )
    path = folder / FILE
    frame = pd.DataFrame([[_text(value) for value in row] for row in kept], columns=list(COLUMNS), dtype="string")
    frame.to_parquet(path, index=False)
    return path


def read(bundle: Path) -> pd.DataFrame:
    """The reference rows of a bundle, JSON parsed: the columns request, features, answer and label (None for none).

    Raises:
        BundleError: the bundle has none, or they cannot be read.
    """
    path = bundle / "model" / FILE
    if not path.is_file():
        raise BundleError(f"{bundle} has no reference rows to compare with; train and package the model again")
    try:
        frame = pd.read_parquet(path)
        return pd.DataFrame({name: [_parsed(value) for value in frame[name]] for name in COLUMNS})
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{path}: cannot be read ({error}); package the model again") from None


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else None
