"""What is fixed about the anomaly detector, and the bodies of its requests and answers."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nivesh.spec import MetricThreshold, Spec
from nivesh.text.normalization import NormalizedText

SPEC = Spec(
    key="anomaly_detector",
    purpose="Says whether a transaction fits its user's own past and, in words, why it does not.",
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
        "The first payment of a fraud that looks like any other payment is not found; those that follow are.",
        "A user with fewer than about 30 transactions is judged with caution: only strong departures are flagged.",
        "Trained without labels it flags a fixed share of rows (contamination): where there are more frauds, it misses some.",
        "Files with dates but no hours give about twice as many false alarms, most of them in a user's first rows.",
        "It says that a payment is unusual for its user, not that it is a fraud; a person decides.",
    ),
)


class Transaction(BaseModel):
    """One transaction, as the app or the bank sends it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    amount: float = Field(gt=0, le=1e12, allow_inf_nan=False, description="rupees, above 0")
    direction: Literal["debit", "credit"] = Field("debit", description="debit (paid) or credit (received)")
    category: NormalizedText = Field(min_length=1, max_length=100, description="kind of spending, such as groceries")
    merchant: NormalizedText = Field(min_length=1, max_length=200, description="who was paid, or who paid")
    timestamp: datetime = Field(description="when, as 2025-10-01T02:30:00; Indian time where no zone is given")
    account: NormalizedText = Field("", max_length=100, description="account or card, where known")
    city: NormalizedText = Field("", max_length=100, description="where it happened, where known")
    transaction_id: NormalizedText = Field(
        "", max_length=100, description="id by which a second copy is recognised, where known"
    )


class Request(BaseModel):
    """A user and one of their transactions."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    user_id: NormalizedText = Field(
        min_length=1, max_length=100, description="the user against whose past it is scored"
    )
    transaction: Transaction = Field(description="the transaction to score")


class Answer(BaseModel):
    """The detector's answer for one transaction."""

    model_config = ConfigDict(extra="forbid")

    is_anomaly: bool = Field(description="whether the score is above the threshold")
    anomaly_score: float = Field(ge=0, le=1, description="0 ordinary to 1 most unusual")
    threshold: float = Field(ge=0, le=1, description="scores above it are anomalies")
    reasons: list[str] = Field(description="what stands out, the strongest first")
    history: int = Field(ge=0, description="earlier transactions of this user that were known")
    features: dict[str, float] = Field(description="surprisals in nats: 0 as usual, 3 once in 20, 7 once in 1,000")


Label = bool  # of POST /feedback: whether the transaction really was an anomaly
LABEL_EXAMPLE = True
