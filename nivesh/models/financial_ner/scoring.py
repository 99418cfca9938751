"""Strict scoring of spans: a span counts only where start, end and label all agree."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

from nivesh.data.texts import ENTITY_LABELS

Spans = list[dict]  # {"text", "label", "start", "end"}, in order of start

# A text counts as Hinglish when it has a Devanagari letter or one of these frequent Hindi words in Latin letters.
_HINDI = re.compile(
    r"[\u0900-\u097f]|\b(?:ka|ki|ke|ko|se|mein|mera|meri|mere|mujhe|maine|hai|hain|kya|kitna|kitne|kitni|kab|kaise|"
    r"kahan|kyu|kyun|nahi|nhi|aur|liye|wala|wale|karo|karna|karu|kar|diya|kiya|gaya|gaye|hua|raha|rahe|chahiye|pe|"
    r"bhi|ab|abhi|tha|thi|toh|ye|yeh|wo|woh|apna|apne|bhai|yaar|paisa|paise|saal|mahine|rupaye)\b",
    re.IGNORECASE,
)
SLICES: dict[str, Callable[[str], bool]] = {
    "english": lambda text: not _HINDI.search(text),
    "hinglish": lambda text: bool(_HINDI.search(text)),
    "short": lambda text: len(text.split()) <= 6,
    "with_symbol": lambda text: bool(re.search(r"[₹$€£]", text)),
}


def score(gold: list[Spans], found: list[Spans]) -> dict:
    """Precision, recall and F1 over all spans (micro) and per label.

    Args:
        gold: The true spans of each text.
        found: The predicted spans of each text, in the same order.

    Returns:
        {"f1", "precision", "recall", "per_entity": {label: {"precision", "recall", "f1", "support"}}}.
    """
    hits, true, predicted = Counter(), Counter(), Counter()
    for truth, guess in zip(gold, found, strict=True):
        truth, guess = _keys(truth), _keys(guess)
        true.update(label for _, _, label in truth)
        predicted.update(label for _, _, label in guess)
        hits.update(label for _, _, label in truth & guess)
    per_entity = {
        label: _rates(hits[label], predicted[label], true[label]) | {"support": true[label]} for label in ENTITY_LABELS
    }
    return _rates(hits.total(), predicted.total(), true.total()) | {"per_entity": per_entity}


def slices(texts: list[str], gold: list[Spans], found: list[Spans]) -> dict:
    """F1 and number of texts of each of ``SLICES`` that has any text."""
    result = {}
    for name, belongs in SLICES.items():
        rows = [i for i, text in enumerate(texts) if belongs(text)]
        if rows:
            part = score([gold[i] for i in rows], [found[i] for i in rows])
            result[name] = {"f1": part["f1"], "rows": len(rows)}
    return result


def confusion(gold: list[Spans], found: list[Spans]) -> dict[tuple[str, str], int]:
    """How often a true label was answered by which label, over spans of the same offsets.

    A true span without a predicted one of its offsets counts as (label, "missed"); a predicted span
    without a true one as ("spurious", label).
    """
    counts: Counter = Counter()
    for truth, guess in zip(gold, found, strict=True):
        by_offsets = {(span["start"], span["end"]): span["label"] for span in guess}
        for span in truth:
            counts[span["label"], by_offsets.pop((span["start"], span["end"]), "missed")] += 1
        counts.update(("spurious", label) for label in by_offsets.values())
    return dict(counts)


def errors(gold: list[Spans], found: list[Spans], most: int = 20) -> list[dict]:
    """The most frequent errors, as {"kind", "text", "true", "found", "count"}; text in lower case."""
    counts: Counter = Counter()
    for truth, guess in zip(gold, found, strict=True):
        for span in _without(truth, guess):
            over = [other for other in guess if _overlap(span, other)]
            kind = "missed" if not over else "wrong label" if _same_place(span, over[0]) else "wrong bounds"
            answer = " | ".join(f"{other['label']} {other['text'].casefold()}" for other in over)
            counts[kind, span["text"].casefold(), span["label"], answer] += 1
        for span in _without(guess, truth):
            if not any(_overlap(span, other) for other in truth):
                counts["spurious", span["text"].casefold(), "", span["label"]] += 1
    names = ("kind", "text", "true", "found")
    return [dict(zip(names, key, strict=True)) | {"count": count} for key, count in counts.most_common(most)]


def _keys(spans: Iterable[dict]) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in spans}


def _without(spans: Spans, others: Spans) -> Spans:
    keys = _keys(others)
    return [span for span in spans if (span["start"], span["end"], span["label"]) not in keys]


def _overlap(left: dict, right: dict) -> bool:
    return left["start"] < right["end"] and right["start"] < left["end"]


def _same_place(left: dict, right: dict) -> bool:
    return (left["start"], left["end"]) == (right["start"], right["end"])


def _rates(hits: int, predicted: int, true: int) -> dict[str, float]:
    precision = hits / predicted if predicted else 0.0
    recall = hits / true if true else 0.0
    f1 = 2 * hits / (predicted + true) if predicted + true else 0.0
    return {"f1": f1, "precision": precision, "recall": recall}
