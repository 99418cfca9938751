"""What monitoring compares, and how answers are measured against frauds that were confirmed later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.features.behaviour import FEATURES
from nivesh.features.transaction import parse_transaction
from nivesh.models.anomaly_detector.inference import Detector, answer, with_features
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled

TEXT = ""
DAY = 86_400  # seconds
NO_ESTIMATE = (
    "the score says how unusual a payment is, not how likely it is a fraud: without labels nobody knows what was missed"
)


def monitored(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The transaction, its surprisals, how long the user's past is, the score, and whether it was flagged."""
    transaction = request["transaction"]
    seconds = parse_transaction(transaction).event_time
    return {
        "amount": transaction["amount"],
        "direction": transaction.get("direction") or "debit",
        "category": transaction["category"],
        "hour_of_day": seconds % DAY / 3600,
        "history": answer["history"],
        **answer["features"],
        "anomaly_score": answer["anomaly_score"],
        "is_anomaly": "yes" if answer["is_anomaly"] else "no",
    }


def replay(model: Detector, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """The rows as requests; each answer comes from the user's past before the row. Files without labels have none."""
    rows = sampled(with_features(test, history), limit)
    scored = model.score(rows[list(FEATURES)].to_numpy())
    records = rows.to_dict("records")
    requests = [{"user_id": one["user_id"], "transaction": _transaction(one)} for one in records]
    answers = [
        answer(model, request["transaction"], one, float(score))
        for request, one, score in zip(requests, records, scored, strict=True)
    ]
    labels = [bool(one["is_anomaly"]) if one.get("is_anomaly") in (0, 1) else None for one in records]
    return Replay(requests, answers, labels)


def label_names(label: bool) -> list[str]:
    """No names: a label is whether the transaction was an anomaly."""
    return []


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """detection_rate: of the anomalies, whether each was flagged; false_positive_rate: the same of ordinary rows."""
    both = np.array([(label, one["is_anomaly"]) for one, label in pairs(answers, labels)], bool).reshape(-1, 2)
    truth, flagged = both[:, 0], both[:, 1].astype(float)
    return {
        "detection_rate": Sample("share", flagged[truth]),
        "false_positive_rate": Sample("share", flagged[~truth]),
    }


def scores(answers: Sequence[Any]) -> None:
    """None: see ``NO_ESTIMATE``."""


def _transaction(row: dict[str, Any]) -> dict[str, Any]:
    names = ("amount", "direction", "category", "merchant", "timestamp", "account", "city", "transaction_id")
    return {name: row[name] for name in names if name in row}
