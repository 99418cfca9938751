"""Challenger and champion on the same held-out rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import BundleError, NiveshError, StorageUnavailable, VertexRefused, VertexUnavailable
from nivesh.models.interface import Fitted, Model
from nivesh.registry.gate import Interval, Segment

RESAMPLES = 1000
CONFIDENCE = 0.95
MIN_SEGMENT_ROWS = 50  # smaller segments are not compared
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
        segments: the same within each segment of the rows that is large enough.
        loss: both models' ``Model.loss`` on all rows; None for a model without one.
    """

    version: str = ""
    data_sha256: str = ""
    metrics: dict[str, Any] | None = None
    problem: str = ""
    interval: Interval | None = None
    segments: list[Segment] = field(default_factory=list)
    loss: Segment | None = None


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
        interval, segments, loss = _differences(model, challenger, fitted, rows, history)
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001  files of another version of the code can fail in any way
        return Champion(version, data_sha256, problem=_explain(error))
    return Champion(version, data_sha256, metrics, interval=interval, segments=segments, loss=loss)


def paired_bootstrap(
    challenger: np.ndarray,
    champion: np.ndarray,
    metric: Callable[[np.ndarray], float],
    seed: int = 0,
    unit: str = "rows",
    confidence: float = CONFIDENCE,
) -> Interval:
    """Interval of ``metric(challenger) - metric(champion)`` over resamples of the rows, the same rows for both.

    Args:
        challenger: what the metric is computed from, of shape (rows, any).
        champion: the same for the champion, row by row.
        metric: of such rows; NaN where resampled rows cannot have one.
        seed: of the resampling.
        unit: what a row is, in the plural.
        confidence: of the interval.

    Returns:
        The percentile interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
    """
    generator, count = np.random.default_rng(seed), len(challenger)
    differences = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        sample = generator.integers(0, count, count)
        differences[number] = metric(challenger[sample]) - metric(champion[sample])
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail])
    return Interval(float(low), float(high), count, unit)


def _differences(
    model: Model, challenger: Fitted, champion: Fitted, rows: pd.DataFrame, history: pd.DataFrame
) -> tuple[Interval | None, list[Segment], Segment | None]:
    """Intervals over all rows, over each segment (these hold together, by Bonferroni), and of the loss.

    None where the model gives no rows, or the two models answer other ones (the champion of one user only).
    """
    ours, theirs = model.per_row(challenger, rows, history), model.per_row(champion, rows, history)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return None, [], None
    parts = {name: mask for name, mask in model.segments(rows).items() if mask.sum() >= MIN_SEGMENT_ROWS}
    metric, values = model.primary_metric, {}
    for name, mask in parts.items():
        both = metric(ours[mask]), metric(theirs[mask])
        if all(map(math.isfinite, both)):
            values[name] = both
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(values))
    segments = []
    for name, (challenger_value, champion_value) in values.items():
        interval = paired_bootstrap(ours[parts[name]], theirs[parts[name]], metric, confidence=confidence)
        segments.append(Segment(name, challenger_value, champion_value, interval))
    return paired_bootstrap(ours, theirs, metric, unit=model.row_unit), segments, _loss(model, ours, theirs)


def _loss(model: Model, ours: np.ndarray, theirs: np.ndarray) -> Segment | None:
    challenger, champion = model.loss(ours), model.loss(theirs)
    if challenger is None or champion is None:
        return None
    return Segment("loss", challenger, champion, paired_bootstrap(ours, theirs, lambda rows: model.loss(rows) or 0.0))


def _explain(error: Exception) -> str:
    return str(error) if isinstance(error, NiveshError) else f"{type(error).__name__}: {error}"
