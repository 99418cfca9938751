"""What monitoring compares, and how answers are measured against spans that people marked later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.models.financial_ner.inference import FittedNER, predict
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled
from nivesh.text.vocabulary import text_columns

TEXT = "text"
NO_ESTIMATE = "an answer is the best sequence of tags and has no probability, from which an F1 could be estimated"


def monitored(request: dict[str, Any], answer: list[dict[str, Any]]) -> dict[str, Any]:
    """The text's numbers, how many spans were found, what part of the characters they are, and which labels they have."""
    text = request[TEXT]
    return {
        **text_columns(text),
        "entities": len(answer),
        "marked_share": sum(span["end"] - span["start"] for span in answer) / max(len(text), 1),
        "labels": "+".join(sorted({span["label"] for span in answer})) or "none",
    }


def replay(model: FittedNER, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """The texts with the model's spans and the true ones."""
    del history
    rows = sampled(test, limit)
    requests = [{TEXT: text} for text in rows["text"]]
    labels = [
        [{name: span[name] for name in ("start", "end", "label")} for span in spans] for spans in rows["entities"]
    ]
    return Replay(requests, predict(model, requests), labels)


def label_names(label: list[dict[str, Any]]) -> list[str]:
    """The labels of the spans, which must be some of the model's."""
    return sorted({span["label"] for span in label})


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """f1: of each text, the spans that are right, found and true; strict, as in ``evaluate``."""
    rows = []
    for answer, label in pairs(answers, labels):
        found, true = _keys(answer), _keys(label)
        rows.append([len(found & true), len(found), len(true)])
    return {"f1": Sample("f1", np.array(rows, float).reshape(-1, 3))}


def scores(answers: Sequence[Any]) -> None:
    """None: see ``NO_ESTIMATE``."""


def _keys(spans: Sequence[dict[str, Any]]) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in spans}
