"""Predictions as a flat table of what is compared with the reference: numbers and categories. Pure.

The reference rows of a bundle and the rows of the prediction log go through the same function, so that a difference is one
of the data:

    replay = model.monitoring.replay(fitted, test, history)              # held-out rows, in training
    reference = monitored_rows(key, replay.requests, replay.answers)
    current = logged_rows(key, read_predictions(key, start, end))        # the log
    compare(reference, current.loc[predictions["version"] == version])
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nivesh import models


def monitored_rows(key: str, requests: Sequence[dict[str, Any]], answers: Sequence[Any]) -> pd.DataFrame:
    """What is compared of predictions: what was asked, the features that the model saw, and what it answered.

    Args:
        key: of the model.
        requests: as the prediction log has them, with ``features`` among their fields where the model has some.
        answers: one per request.

    Returns:
        A row per prediction, in the same order; columns of numbers (NaN where missing) or of texts (None where missing).
        ``nivesh.monitoring.drift.compare`` takes it as it is.
    """
    monitored = models.get(key).monitoring.monitored
    rows = [monitored(request, answer) for request, answer in zip(requests, answers, strict=True)]
    return pd.DataFrame({name: _column([row[name] for row in rows]) for name in (rows[0] if rows else ())})


def logged_rows(key: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """``monitored_rows`` of a table of ``read_predictions``, under the index of that table.

    Left out are rows without an answer, and of texts those whose text was not kept: the prediction log keeps a random
    share of them (NIVESH_PREDICTION_TEXT_SHARE), and columns that are missing by that lot would look like drift.
    """
    comparable = predictions[is_comparable(predictions)]
    rows = monitored_rows(key, with_features(comparable), comparable["answer"].tolist())
    return rows.set_axis(comparable.index)


def is_comparable(predictions: pd.DataFrame) -> pd.Series:
    """Which rows of ``read_predictions`` have both a request and an answer."""
    return predictions["request"].notna() & predictions["answer"].notna()


def with_features(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """The requests of ``read_predictions``, each with its features as a field."""
    pairs = zip(predictions["request"], predictions["features"], strict=True)
    return [request if features is None else request | {"features": features} for request, features in pairs]


def texts(key: str, requests: Sequence[dict[str, Any]]) -> list[str]:
    """The people's texts of requests, for ``nivesh.monitoring.text_drift``; empty for models that read none."""
    field = models.get(key).monitoring.TEXT
    return [request[field] for request in requests] if field else []


def _column(values: list[Any]) -> pd.Series:
    """Numbers where there is one and no text; a column of None alone has no type, and stays objects."""
    if any(isinstance(value, str) for value in values) or all(value is None for value in values):
        return pd.Series([None if value is None else str(value) for value in values], dtype=object)
    return pd.Series([float("nan") if value is None else float(value) for value in values], dtype=float)
