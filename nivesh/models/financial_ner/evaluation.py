"""Strict scoring of spans: a span counts only where start, end and label all agree."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from spacy.scorer import PRFScore

from nivesh.models.financial_ner import baseline
from nivesh.models.financial_ner.inference import FittedNER, spans_in
from nivesh.models.financial_ner.schema import LABELS
from nivesh.text.language import is_hinglish

ROW_UNIT = "texts"
Span = dict[str, Any]  # {"text", "label", "start", "end"}
Spans = Sequence[Span]  # in order of start

SLICES: dict[str, Callable[[str], bool]] = {
    "english": lambda text: not is_hinglish(text),
    "hinglish": is_hinglish,
    "short": lambda text: len(text.split()) <= 6,
    "with_symbol": lambda text: any(sign in text for sign in "₹$€£"),
}


def evaluate(model: FittedNER, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Strict span metrics of the model and of the baseline on rows that training has not seen.

    Args:
        model: the trained pipeline.
        test: columns text and entities.
        history: not needed.

    Returns:
        f1, precision and recall over all spans, ``per_entity`` with the same and support for each label, ``slices``
        (f1 and rows by kind of text), and baseline_f1, baseline_precision, baseline_recall; ``not_measured`` names the
        targets of labels that no row has, and why.
    """
    texts, gold = test["text"].tolist(), test["entities"].tolist()
    found = [spans_in(model.nlp, text) for text in texts]
    lower = scores(gold, [baseline.find(text, model.dictionary) for text in texts], model.labels)
    absent = sorted(set(LABELS) - {span["label"] for spans in gold for span in spans})
    return {
        **scores(gold, found, model.labels),
        **{f"baseline_{name}": lower[name] for name in ("f1", "precision", "recall")},
        "slices": slices(texts, gold, found),
        **({"not_measured": {f"per_entity.{label}.f1": f"no held-out {label}" for label in absent}} if absent else {}),
    }


def per_row(model: FittedNER, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """(right, spurious, missed) spans of each text, of shape (texts, 3)."""
    del history
    counts = []
    for text, truth in zip(test["text"], test["entities"], strict=True):
        wanted, guess = _keys(truth), _keys(spans_in(model.nlp, text))
        counts.append((len(wanted & guess), len(guess - wanted), len(wanted - guess)))
    return np.array(counts, dtype=float).reshape(-1, 3)


def primary_metric(rows: np.ndarray) -> float:
    """The F1 of rows as ``per_row`` gives them; NaN where there are no spans."""
    right, spurious, missed = rows.sum(axis=0)
    spans = 2 * right + spurious + missed
    return float(2 * right / spans) if spans else float("nan")


def scores(gold: Sequence[Spans], found: Sequence[Spans], labels: Iterable[str] = ()) -> dict[str, Any]:
    """Precision, recall and F1 over all spans (micro) and per label.

    Args:
        gold: the true spans of each text.
        found: the predicted spans of each text, in the same order.
        labels: reported even where there is no span of them.

    Returns:
        {"f1", "precision", "recall", "per_entity": {label: {"precision", "recall", "f1", "support"}}}.
    """
    used = {span["label"] for spans in (*gold, *found) for span in spans}
    total, by_label = PRFScore(), {label: PRFScore() for label in sorted(used.union(labels))}
    for truth, guess in zip(gold, found, strict=True):
        total.score_set(_keys(guess), _keys(truth))
        for label, score in by_label.items():
            score.score_set(_keys(guess, label), _keys(truth, label))
    per_entity = {label: _rates(score) | {"support": score.tp + score.fn} for label, score in by_label.items()}
    return _rates(total) | {"per_entity": per_entity}


def slices(texts: list[str], gold: Sequence[Spans], found: Sequence[Spans]) -> dict[str, Any]:
    """F1 and number of texts of each of ``SLICES`` that has any text."""
    result = {}
    for name, belongs in SLICES.items():
        rows = [i for i, text in enumerate(texts) if belongs(text)]
        if rows:
            part = scores([gold[i] for i in rows], [found[i] for i in rows])
            result[name] = {"f1": part["f1"], "rows": len(rows)}
    return result


def confusion(gold: Sequence[Spans], found: Sequence[Spans]) -> dict[tuple[str, str], int]:
    """How often a true label was predicted as which label, over spans of the same offsets.

    A true span without a predicted one of its offsets counts as (label, "missed"); a predicted span
    without a true one as ("spurious", label).
    """
    counts: Counter[tuple[str, str]] = Counter()
    for truth, guess in zip(gold, found, strict=True):
        by_offsets = {(span["start"], span["end"]): span["label"] for span in guess}
        for span in truth:
            counts[span["label"], by_offsets.pop((span["start"], span["end"]), "missed")] += 1
        counts.update(("spurious", label) for label in by_offsets.values())
    return dict(counts)


def errors(gold: Sequence[Spans], found: Sequence[Spans], most: int = 20) -> list[dict[str, Any]]:
    """The most frequent errors, as {"kind", "text", "true", "found", "count"}; text in lower case."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for truth, guess in zip(gold, found, strict=True):
        for span in _without(truth, guess):
            overlapping = [other for other in guess if _overlap(span, other)]
            answer = " | ".join(f"{other['label']} {other['text'].casefold()}" for other in overlapping)
            counts[_kind(span, overlapping), span["text"].casefold(), span["label"], answer] += 1
        for span in _without(guess, truth):
            if not any(_overlap(span, other) for other in truth):
                counts["spurious", span["text"].casefold(), "", span["label"]] += 1
    names = ("kind", "text", "true", "found")
    return [dict(zip(names, key, strict=True)) | {"count": count} for key, count in counts.most_common(most)]


def _rates(score: PRFScore) -> dict[str, Any]:
    return {"f1": score.fscore, "precision": score.precision, "recall": score.recall}


def _keys(spans: Spans, label: str | None = None) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in spans if label in (None, span["label"])}


def _without(spans: Spans, others: Spans) -> list[Span]:
    keys = _keys(others)
    return [span for span in spans if (span["start"], span["end"], span["label"]) not in keys]


def _kind(span: Span, overlapping: Spans) -> str:
    if not overlapping:
        return "missed"
    same_place = (span["start"], span["end"]) == (overlapping[0]["start"], overlapping[0]["end"])
    return "wrong label" if same_place else "wrong bounds"


def _overlap(left: Span, right: Span) -> bool:
    return bool(left["start"] < right["end"] and right["start"] < left["end"])
