"""What monitoring compares, and how answers are measured against labels that came later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.data.texts import OUT_OF_SCOPE
from nivesh.models.intent_classifier.evaluation import in_scope
from nivesh.models.intent_classifier.inference import Classifier, predict
from nivesh.models.intent_classifier.schema import MIN_CONFIDENCE
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled
from nivesh.text.vocabulary import text_columns

TEXT = "query"
NO_ESTIMATE = ""


def monitored(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The text's numbers, the intent, its confidence, and whether that is below the one from which a text is understood."""
    return {
        **text_columns(request[TEXT]),
        "intent": answer["intent"],
        "confidence": answer["confidence"],
        "out_of_scope": "yes" if answer["confidence"] < MIN_CONFIDENCE else "no",
    }


def replay(model: Classifier, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """The texts that have an intent, with the model's answers."""
    rows = sampled(in_scope(test), limit)
    requests = [{TEXT: text} for text in rows["text"]]
    return Replay(requests, predict(model, requests), rows["intent"].tolist())


def label_names(label: str) -> list[str]:
    """The names in a label that must be some of the model's; "out_of_scope" is always one."""
    return [] if label == OUT_OF_SCOPE else [label]


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """accuracy: whether the intent is right; texts that are labelled as out of scope are left out, as in ``evaluate``."""
    both = [(answer["intent"], label) for answer, label in pairs(answers, labels) if label != OUT_OF_SCOPE]
    return {"accuracy": Sample("share", np.array([intent == label for intent, label in both], float))}


def scores(answers: Sequence[Any]) -> np.ndarray:
    """The confidence of each answer, from which the accuracy is estimated."""
    return np.array([answer["confidence"] for answer in answers], float)
