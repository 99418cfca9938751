"""What monitoring computes a metric from: one row per labelled prediction, of one of four kinds.

A model says which kinds its metrics are (``monitoring.py`` of its package); ``nivesh.monitoring.accuracy`` turns a sample
into a value with an interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["share", "mean", "auc", "f1"]


@dataclass(frozen=True)
class Sample:
    """Rows of a metric.

    Attributes:
        kind: how the metric follows from the rows.
        rows: float, (n,) 0 or 1 for a share; (n,) for a mean; (n, 2) outcome (0 or 1) and score for an AUC; (n, 3) for
            a micro-averaged F1: spans that are in both, that were found, that are true.
    """

    kind: Kind
    rows: np.ndarray


@dataclass(frozen=True)
class Replay:
    """Labelled rows as the prediction log would have them.

    Attributes:
        requests: with ``features``, the user's online features, where the model takes some.
        answers: one per request.
        labels: one per request, as a caller sends them to ``/feedback``; None where there is none.
    """

    requests: list[dict[str, Any]]
    answers: list[Any]
    labels: list[Any]


def pairs(answers: Sequence[Any], labels: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The (answer, label) of the rows that have both."""
    both = zip(answers, labels, strict=True)
    return [(answer, label) for answer, label in both if answer is not None and label is not None]
