"""Does a transaction fit its user's own past? An Isolation Forest over evidence of departures."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from nivesh.errors import DataError, UserNotFound
from nivesh.features.behaviour import FEATURES, SURPRISES, fold, profile, score_row
from nivesh.models.anomaly_detector import measure
from nivesh.models.anomaly_detector.fitting import Model, fit, load, save
from nivesh.models.anomaly_detector.reasons import reasons
from nivesh.spec import MetricThreshold, Spec, Split

__all__ = [
    "SPEC", "Answer", "Model", "Request", "build_features", "evaluate", "fit", "load", "plot",
    "predict", "predict_frame", "save", "split",
]  # fmt: skip

SPEC = Spec(
    key="anomaly_detector",
    purpose="Tells whether a transaction fits its user's own past, and in words why it does not.",
    dataset="transactions",
    path="/predict/anomaly",
    example={
        "user_id": "user_123",
        "transaction": {
            "amount": 85000,
            "category": "electronics",
            "merchant": "Croma",
            "timestamp": "2025-10-01T02:30:00",
            "city": "Delhi",
        },
    },
    primary="detection_rate",
    higher_is_better=True,
    targets=(MetricThreshold("false_positive_rate", "<", 0.01), MetricThreshold("detection_rate", ">", 0.95)),
    floor=(MetricThreshold("detection_rate", ">", other_metric="baseline_detection_rate"),),
    user_features="behaviour",
    max_feature_age=35 * 86_400,
    builds_features=True,
    runtime="tabular",
    caveats=(
        "The first payment of a fraud that looks like any other payment cannot be told; those that follow can.",
        "A user with fewer than about 30 transactions is judged with caution: only strong departures are flagged.",
        "Trained without labels it flags a fixed share of rows, so that it misses frauds where they are more than that.",
        "Files with dates but no hours give about twice as many false alarms, most of them in a user's first rows.",
        "It says that a payment is unusual for its user, not that it is a fraud; a person decides.",
    ),
)
HELD_OUT = 0.25


class Transaction(BaseModel):
    """One transaction, as the app or the bank sends it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    amount: float = Field(gt=0, le=1e12, allow_inf_nan=False, description="rupees, above 0")
    direction: Literal["debit", "credit"] = Field("debit", description="debit (paid) or credit (received)")
    category: str = Field(min_length=1, max_length=100, description="kind of spending, such as groceries")
    merchant: str = Field(min_length=1, max_length=200, description="who was paid, or who paid")
    timestamp: datetime = Field(description="when, as 2025-10-01T02:30:00; Indian time where no zone is given")
    account: str = Field("", max_length=100, description="account or card, where known")
    city: str = Field("", max_length=100, description="where it happened, where known")


class Request(BaseModel):
    """A user and a transaction of theirs."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    user_id: str = Field(min_length=1, max_length=100, description="whose past the transaction is held against")
    transaction: Transaction = Field(description="the transaction to be judged")


class Answer(BaseModel):
    """What the detector says about a transaction."""

    model_config = ConfigDict(extra="forbid")

    is_anomaly: bool = Field(description="whether the score is above the threshold")
    anomaly_score: float = Field(ge=0, le=1, description="0 ordinary to 1 most unusual")
    threshold: float = Field(ge=0, le=1, description="scores above it are anomalies")
    reasons: list[str] = Field(description="what stands out, the strongest first")
    history: int = Field(ge=0, description="earlier transactions of this user that were known")
    features: dict[str, float] = Field(description="surprises in nats: 0 as usual, 3 once in 20, 7 once in 1,000")


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of transactions in the order of time -> the same rows with ``FEATURES``, each from its user's past only."""
    frame = frame.sort_values("timestamp", kind="stable", ignore_index=True)
    values, _ = fold(frame)
    features = pd.DataFrame(values, columns=list(FEATURES))
    return pd.concat([frame.drop(columns=list(FEATURES), errors="ignore"), features], axis=1)


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out a quarter of the users with all their rows.

    Raises:
        DataError: there are fewer than two users.
    """
    users = np.array(sorted(frame["user_id"].unique()))
    if len(users) < 2:
        raise DataError(f"{len(users)} user is too few: at least 2 are needed, so that one can be held out")
    held = np.random.default_rng(seed).permutation(users)[: max(1, round(HELD_OUT * len(users)))]
    mask = frame["user_id"].isin(held)
    why = f"{len(held)} of {len(users)} users, drawn at random, are held out with all their transactions"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def evaluate(model: Model, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict:
    """Metrics on labelled rows, with those of the baseline (z-score of the user's amounts) on the same rows.

    Args:
        test: output of ``build_features``.
        history: rows that came before; its content is in the features of ``test`` already.

    Raises:
        DataError: there are no labels of both kinds.
    """
    return measure.evaluate(model, _with_features(test, history))


def plot(model: Model, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Scores with the threshold, detection by kind, precision against detection; returns the PNG paths."""
    return measure.plot(model, _with_features(test, history), Path(folder))


def predict(model: Model, requests: list[dict]) -> list[dict]:
    """Answers to requests; ``features`` of each is the user's profile, see ``nivesh.features.behaviour``.

    Raises:
        UserNotFound: a request has no profile.
        DataError: a profile is not one of this version's.
    """
    rows = []
    for request in requests:
        past = request.get("features")
        if not past:
            raise UserNotFound(f"no profile for user {request['user_id']!r}")
        if not isinstance(past, dict) or past.keys() != profile().keys():
            raise DataError(f"the profile of user {request['user_id']!r} is of another version; compute it again")
        rows.append(score_row(past, request["transaction"]))
    scores = model.score(np.array([list(row.values()) for row in rows]).reshape(-1, len(FEATURES)))
    answers = []
    for request, row, score in zip(requests, rows, scores, strict=True):
        flagged = bool(score > model.threshold)
        answers.append(
            {
                "is_anomaly": flagged,
                "anomaly_score": float(score),
                "threshold": model.threshold,
                "reasons": reasons(request["transaction"], row, flagged),
                "history": int(row["history"]),
                "features": {name: round(row[name], 3) + 0.0 for name in SURPRISES},
            }
        )
    return answers


def predict_frame(model: Model, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Checked transactions -> the same rows with predicted_anomaly, anomaly_score and reasons.

    Args:
        frame: rows to judge; each is held against its user's rows before it, here and in ``history``.
        history: rows that came before.
    """
    rows = _with_features(frame, history)
    scores = model.score(rows[list(FEATURES)].to_numpy())
    flagged = scores > model.threshold
    texts = [[] for _ in range(len(rows))]
    for place in np.flatnonzero(flagged):
        row = rows.iloc[place].to_dict()
        texts[place] = reasons(row, row, True)
    answers = {"predicted_anomaly": flagged, "anomaly_score": scores, "reasons": texts}
    made = [name for name in FEATURES if name not in frame]
    return rows.drop(columns=made).assign(**answers)


def _with_features(rows: pd.DataFrame, history: pd.DataFrame | None) -> pd.DataFrame:
    """The rows with features: as they are where they have them, else computed after the history's rows."""
    if set(FEATURES) <= set(rows.columns):
        return rows
    if history is None:
        return build_features(rows)
    both = pd.concat([history.assign(_asked=False), rows.assign(_asked=True)], ignore_index=True)
    built = build_features(both)
    return built[built["_asked"]].drop(columns="_asked").reset_index(drop=True)
