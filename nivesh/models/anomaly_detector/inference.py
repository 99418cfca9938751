"""Scoring: offline ``predict_frame`` (rows of a frame) and online ``predict`` (requests), both by ``Detector.score``.

amount -> features.behaviour.offline_features or .online_features -> Evidence.transform -> Forest.score -> threshold
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError, UserNotFound
from nivesh.features.behaviour import FEATURES, SURPRISALS, in_event_order, offline_features, online_features
from nivesh.models.anomaly_detector import forest
from nivesh.models.anomaly_detector.evidence import Evidence
from nivesh.models.anomaly_detector.reasons import reasons


@dataclass(frozen=True)
class Detector:
    """A fitted detector.

    Attributes:
        evidence: weights of the features for each kind of anomaly.
        trees: the Isolation Forest over the evidence.
        threshold: rows that score above it are anomalies.
        baseline_threshold: the same for the baseline, z-scores of the user's amounts.
        metadata: numbers about the fit, for the model card.
    """

    evidence: Evidence
    trees: forest.Forest
    threshold: float
    baseline_threshold: float
    metadata: dict[str, Any] = field(default_factory=dict)

    def score(self, features: np.ndarray) -> np.ndarray:
        """Anomaly scores between 0 and 1; (rows, FEATURES) -> (rows,)."""
        return self.trees.score(self.evidence.transform(features))


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Transactions -> the same rows in the order of their events, with ``FEATURES``, each from its user's past only."""
    frame = in_event_order(frame)
    values, _ = offline_features(frame)
    features = pd.DataFrame(values, columns=list(FEATURES))
    return pd.concat([frame.drop(columns=list(FEATURES), errors="ignore"), features], axis=1)


def with_features(rows: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with ``FEATURES``: as they are where they have them, else computed with the history's rows as the past."""
    if set(FEATURES) <= set(rows.columns):
        return rows
    if history is None:
        return build_features(rows)
    both = pd.concat([history.assign(_in_rows=False), rows.assign(_in_rows=True)], ignore_index=True)
    built = build_features(both)
    return built[built["_in_rows"]].drop(columns="_in_rows").reset_index(drop=True)


def predict(model: Detector, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Online: answers to requests; ``features`` of each is its user's profile, see ``nivesh.features.profile``.

    Raises:
        UserNotFound: a request has no profile.
        DataError: a profile is not of this version.
    """
    rows = []
    for request in requests:
        profile = request.get("features")
        if not profile:
            raise UserNotFound(f"no profile for user {request['user_id']!r}")
        try:
            rows.append(online_features(profile, request["transaction"]))
        except DataError as error:
            raise DataError(f"user {request['user_id']!r}: {error}") from None
    scores = model.score(np.array([list(row.values()) for row in rows]).reshape(-1, len(FEATURES)))
    return [
        answer(model, request["transaction"], row, float(score))
        for request, row, score in zip(requests, rows, scores, strict=True)
    ]


def answer(model: Detector, transaction: dict[str, Any], features: dict[str, float], score: float) -> dict[str, Any]:
    """``schema.Answer`` as a dict, for one transaction of these ``FEATURES``."""
    flagged = score > model.threshold
    return {
        "is_anomaly": flagged,
        "anomaly_score": score,
        "threshold": model.threshold,
        "reasons": reasons(transaction, features, flagged),
        "history": int(features["history"]),
        "features": {name: round(features[name], 3) + 0.0 for name in SURPRISALS},
    }


def predict_frame(model: Detector, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Offline: checked transactions -> the same rows with predicted_anomaly, anomaly_score and reasons.

    Args:
        frame: rows to score; each against its user's rows before it, here and in ``history``.
        history: earlier rows.
    """
    rows = with_features(frame, history)
    scores = model.score(rows[list(FEATURES)].to_numpy())
    flagged = scores > model.threshold
    texts: list[list[str]] = [[] for _ in range(len(rows))]
    for place in np.flatnonzero(flagged):
        row = rows.iloc[place].to_dict()
        texts[place] = reasons(row, row, True)
    answers = {"predicted_anomaly": flagged, "anomaly_score": scores, "reasons": texts}
    added = [name for name in FEATURES if name not in frame]
    return rows.drop(columns=added).assign(**answers)


def save(model: Detector, folder: Path) -> None:
    """Write model.json and forest.npz, which contain numbers and names only."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    forest.save(model.trees, folder / "forest.npz")
    content = {
        "features": list(FEATURES),
        "kinds": list(model.evidence.kinds),
        "weights": model.evidence.weights.tolist(),
        "offsets": model.evidence.offsets.tolist(),
        "threshold": model.threshold,
        "baseline_threshold": model.baseline_threshold,
        "metadata": model.metadata,
    }
    (folder / "model.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def load(folder: Path) -> Detector:
    """Read what ``save`` wrote.

    Raises:
        DataError: the model was trained with other features than this version of the project computes.
    """
    content = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
    if content["features"] != list(FEATURES):
        raise DataError(f"{folder}: the model was trained with other features; train it again with this version")
    evidence = Evidence(tuple(content["kinds"]), np.array(content["weights"]), np.array(content["offsets"]))
    trees = forest.load(Path(folder) / "forest.npz")
    return Detector(evidence, trees, content["threshold"], content["baseline_threshold"], content["metadata"])
