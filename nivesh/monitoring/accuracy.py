"""How good a model's versions are: measured by labels, and estimated without them. Pure.

measured = accuracy_by_version(key, labels_of(key, predictions))
calibration = calibration_rows(key, reference["answer"], reference["label"])
estimate = estimated_accuracy(key, answers, calibration)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nivesh import models
from nivesh.models.interface import Model
from nivesh.models.samples import Kind, Sample
from nivesh.monitoring.calibration import expected
from nivesh.monitoring.intervals import Value, interval

LABELS, ESTIMATE = "labels", "estimate"
MIN_CALIBRATION = 100  # labelled rows without which nothing is estimated
ENOUGH_LABELS = 500  # labelled predictions from which they calibrate in place of the held-out rows
MIN_ESTIMATED = 20  # predictions


@dataclass(frozen=True)
class Accuracy:
    """One metric of one version.

    Attributes:
        metric: its name, as in the metrics of ``evaluate``; the model's primary one is ``spec.primary``.
        value: NaN where the rows cannot tell.
        low, high: 95 % interval; NaN where there are too few rows for one.
        rows: predictions that it was computed from.
        source: "labels", measured; or "estimate", from the model's own confidence.
        why_not: where there is no value, why.
    """

    metric: str
    value: float
    low: float
    high: float
    rows: int
    source: str
    why_not: str = ""

    @property
    def known(self) -> bool:
        return math.isfinite(self.value)


@dataclass(frozen=True)
class EstimateError:
    """An estimate beside what labels of the same rows say.

    Attributes:
        estimate, measured: of the same rows.
        error: estimate minus measured; NaN where one of them is not known.
        within: whether the measured value lies in the estimate's interval; with a right estimate it does in 95 % of cases.
        sentence: how far it was off, in words.
    """

    estimate: Accuracy
    measured: Accuracy
    error: float
    within: bool
    sentence: str


def accuracy(key: str, answers: Sequence[Any], labels: Sequence[Any], seed: int = 0) -> dict[str, Accuracy]:
    """The metrics of predictions by their labels, the primary one first.

    Args:
        key: of the model.
        answers: of the prediction log; None where there was none.
        labels: one per answer; None where there is none yet.
        seed: of the bootstrap.
    """
    model = models.get(key)
    found = model.monitoring.samples(answers, labels)
    return {name: _measured(name, sample, seed) for name, sample in found.items()}


def accuracy_by_version(key: str, predictions: pd.DataFrame, seed: int = 0) -> dict[str, dict[str, Accuracy]]:
    """``accuracy`` of each version of a table with the columns version, answer and label (``labels.labels_of``)."""
    return {
        str(version): accuracy(key, rows["answer"].tolist(), rows["label"].tolist(), seed)
        for version, rows in predictions.groupby("version")
    }


def calibration_rows(key: str, answers: Sequence[Any], labels: Sequence[Any]) -> np.ndarray | None:
    """(score, what was observed) of each labelled prediction, float (rows, 2); None where the model has no scores.

    The rows of ``accuracy`` only: of intents, those that are not labelled as out of scope.
    """
    model = models.get(key)
    if model.monitoring.NO_ESTIMATE:
        return None
    rows = []
    for answer, label in zip(answers, labels, strict=True):
        observed = model.monitoring.samples([answer], [label])[model.spec.primary].rows
        if len(observed):
            scores = model.monitoring.scores([answer])
            assert scores is not None
            rows.append((scores[0], observed.reshape(-1)[0]))
    return np.array(rows, float).reshape(-1, 2)


def newest_calibration(held_out: np.ndarray | None, labelled: np.ndarray | None) -> np.ndarray | None:
    """The rows to calibrate with: labelled predictions where there are ``ENOUGH_LABELS``, else the held-out rows with them."""
    if held_out is None or labelled is None:
        return held_out if labelled is None else labelled
    return labelled if len(labelled) >= ENOUGH_LABELS else np.concatenate([held_out, labelled])


def estimated_accuracy(key: str, answers: Sequence[Any], calibration: np.ndarray | None, seed: int = 0) -> Accuracy:
    """The primary metric that predictions without labels are expected to have.

    Args:
        key: of the model.
        answers: of the prediction log, of one version; None where there was none.
        calibration: of the same version, ``calibration_rows``.
        seed: of the draws.

    Returns:
        Its ``why_not`` says why where nothing can be estimated: the model's answers have no probabilities, or rows are few.
    """
    model = models.get(key)
    given = [answer for answer in answers if answer is not None]
    why_not = model.monitoring.NO_ESTIMATE
    if not why_not and (calibration is None or len(calibration) < MIN_CALIBRATION):
        rows = 0 if calibration is None else len(calibration)
        why_not = f"{rows} labelled rows are too few to calibrate with; {MIN_CALIBRATION} are needed"
    if not why_not and len(given) < MIN_ESTIMATED:
        why_not = f"{len(given)} predictions are too few; {MIN_ESTIMATED} are needed"
    scores = None if why_not else model.monitoring.scores(given)
    if why_not or scores is None or calibration is None:
        return Accuracy(model.spec.primary, math.nan, math.nan, math.nan, len(given), ESTIMATE, why_not)
    value = expected(_kind(model), scores, calibration, seed)
    return Accuracy(model.spec.primary, *value, len(given), ESTIMATE)


def estimate_error(
    key: str, answers: Sequence[Any], labels: Sequence[Any], calibration: np.ndarray | None, seed: int = 0
) -> EstimateError:
    """How far the estimate was off, on the predictions that have labels by now.

    Args:
        key, answers, labels: as of ``accuracy``.
        calibration: as it was when the estimate was made, without these labels.
        seed: of the draws.
    """
    model = models.get(key)
    name = model.spec.primary
    counted = [
        (answer, label)
        for answer, label in zip(answers, labels, strict=True)
        if len(model.monitoring.samples([answer], [label])[name].rows)
    ]
    estimate = estimated_accuracy(key, [answer for answer, _ in counted], calibration, seed)
    measured = accuracy(key, [answer for answer, _ in counted], [label for _, label in counted], seed)[name]
    error = estimate.value - measured.value
    if not math.isfinite(error):
        reason = estimate.why_not or "there are no labels"
        return EstimateError(estimate, measured, math.nan, False, f"{name} cannot be compared: {reason}")
    within = estimate.low <= measured.value <= estimate.high
    words = (
        "as expected" if within else "the estimate must not be trusted: the same inputs have other outcomes than before"
    )
    sentence = (
        f"{name} was estimated as {_short(estimate.value)} ({_short(estimate.low)} to {_short(estimate.high)}), and "
        f"{measured.rows} labels show {_short(measured.value)}: {words}"
    )
    return EstimateError(estimate, measured, error, within, sentence)


def _measured(name: str, sample: Sample, seed: int) -> Accuracy:
    value: Value = interval(sample, seed)
    rows = len(sample.rows)
    why_not = "" if math.isfinite(value.value) else "there are no labels" if not rows else _one_sided(sample.kind)
    return Accuracy(name, *value, rows, LABELS, why_not)


def _one_sided(kind: Kind) -> str:
    return "all labels are the same" if kind == "auc" else "the labelled texts have no spans"


def _kind(model: Model) -> Kind:
    return model.monitoring.samples([], [])[model.spec.primary].kind


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"
