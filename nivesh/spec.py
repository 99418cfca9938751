"""What is fixed about a model before any data is seen: its key, its data, its targets."""

import operator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class MetricThreshold:
    """One condition on a metric, such as ``MetricThreshold("auc", ">", 0.85)``.

    ``metric`` is a dotted path into the metrics of ``evaluate``: ``per_entity.MONEY.f1``.
    ``other_metric`` is the path of a metric to compare with, in place of a fixed ``value``.
    """

    metric: str
    op: str
    value: float | None = None
    other_metric: str | None = None

    def __str__(self) -> str:
        return f"{self.metric} {self.op} {self.other_metric or self.value}"


@dataclass(frozen=True)
class Spec:
    """The fixed facts of a model.

    Attributes:
        key: snake_case name of the model, equal to its module's name.
        purpose: one sentence for the model card and the OpenAPI page.
        dataset: kind of data that it learns from: intents, ner, transactions, loans or advice.
        path: the guide's path, such as ``/predict/intent``.
        example: the body of the guide's example request to that path.
        primary: metric by which a challenger is compared with the champion.
        higher_is_better: the direction of ``primary``.
        targets: what the model should reach; a miss marks it "below target".
        floor: what a model must have to be served at all (beats its baseline, fairness held).
        user_features: group of the user's online features that complete a request; "" for none.
        consent: field of a request without which the user's features are neither read nor used; "" where none is needed.
        max_feature_age: seconds; older features are refused. None takes any, and only their age is measured.
        builds_features: its rows are turned into features before the split, in a step of the pipeline of its own.
        features_from_transactions: its rows carry the features of ``user_features`` as columns, which a training can replace
            by those made from the users' transactions.
        runtime: family of serving image: text, tabular, forecast, or remote for a model that answers elsewhere.
        needs: settings that must have a value before it can be trained; without them whatever works on all models
            leaves it out and says so.
        caveats: known limits of use, for the model card.
    """

    key: str
    purpose: str
    dataset: str
    path: str
    example: dict[str, Any]
    primary: str
    higher_is_better: bool
    targets: tuple[MetricThreshold, ...]
    floor: tuple[MetricThreshold, ...]
    user_features: str = ""
    consent: str = ""
    max_feature_age: float | None = None
    builds_features: bool = False
    features_from_transactions: bool = False
    runtime: str = "tabular"
    needs: tuple[str, ...] = ()
    caveats: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Split:
    """Rows to learn from, and rows that training, tuning and thresholds never see.

    For data with a time, ``test`` holds only the rows to be judged and ``train`` what came before
    (or other users); ``why`` says how the two were kept apart, for the model card.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    why: str


def lookup(metrics: dict, path: str) -> float | None:
    """The number at a dotted path of nested metrics, or None where there is none."""
    value: Any = metrics
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value
