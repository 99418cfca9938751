"""Challenger and champion on the same held-out rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import BundleError, NiveshError, StorageUnavailable, VertexRefused, VertexUnavailable
from nivesh.models.interface import Fitted, Model
from nivesh.registry.gate import Interval

RESAMPLES = 1000
CONFIDENCE = 0.95
OUTAGES = (StorageUnavailable, VertexRefused, VertexUnavailable)  # say nothing about the champion itself


@dataclass(frozen=True)
class Champion:
    """The champion's side of a comparison.

    Attributes:
        version: its semantic version; "" where there is none.
        data_sha256: digest of the file that it was trained on.
        metrics: on the held-out rows; None where there is no champion, or this code cannot use it.
        problem: why this code cannot use it; "" where it can.
        interval: of the difference of the primary metric, challenger minus champion; None where it is not known.
    """

    version: str = ""
    data_sha256: str = ""
    metrics: dict[str, Any] | None = None
    problem: str = ""
    interval: Interval | None = None


def measure_champion(model: Model, challenger: Fitted, rows: pd.DataFrame, history: pd.DataFrame) -> Champion:
    """Measure the champion on the rows that the challenger is measured on.

    A champion that this code cannot load or evaluate must not stop all trainings of its model: it counts as none, with the
    reason.

    Raises:
        StorageUnavailable, VertexRefused, VertexUnavailable: an outage, which says nothing about the champion.
    """
    from nivesh.registry import bundle_cache, loaded_model, model_registry

    registered = model_registry.by_alias(model.key, model_registry.CHAMPION)
    if registered is None:
        return Champion()
    version = model_registry.semantic_version(registered)
    data_sha256 = registered.tags.get("data_sha256", "")
    try:
        folder = bundle_cache.folder_of(registered)
    except BundleError as error:
        return Champion(version, data_sha256, problem=_explain(error))
    try:
        fitted = loaded_model.load(folder, model.key).fitted
        metrics = model.evaluate(fitted, rows, history=history)
        interval = _interval(model, challenger, fitted, rows, history)
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001  files of another version of the code can fail in any way
        return Champion(version, data_sha256, problem=_explain(error))
    return Champion(version, data_sha256, metrics, interval=interval)


def paired_bootstrap(
    challenger: np.ndarray,
    champion: np.ndarray,
    metric: Callable[[np.ndarray], float],
    seed: int = 0,
    unit: str = "rows",
) -> Interval:
    """Interval of ``metric(challenger) - metric(champion)`` over resamples of the rows, the same rows for both.

    Args:
        challenger: what the metric is computed from, of shape (rows, any).
        champion: the same for the champion, row by row.
        metric: of such rows; NaN where resampled rows cannot have one.
        seed: of the resampling.
        unit: what a row is, in the plural.

    Returns:
        The percentile interval of confidence CONFIDENCE (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
    """
    generator, count = np.random.default_rng(seed), len(challenger)
    differences = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        sample = generator.integers(0, count, count)
        differences[number] = metric(challenger[sample]) - metric(champion[sample])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail])
    return Interval(float(low), float(high), count, unit)


def _interval(
    model: Model, challenger: Fitted, champion: Fitted, rows: pd.DataFrame, history: pd.DataFrame
) -> Interval | None:
    """None where the model gives no rows, or the two models answer other ones (the champion of one user only)."""
    ours, theirs = model.per_row(challenger, rows, history), model.per_row(champion, rows, history)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return None
    return paired_bootstrap(ours, theirs, model.primary_metric, unit=model.row_unit)


def _explain(error: Exception) -> str:
    return str(error) if isinstance(error, NiveshError) else f"{type(error).__name__}: {error}"
