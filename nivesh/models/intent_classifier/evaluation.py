"""Metrics of answers against labels, beside those of the n-grams alone, which are the baseline."""

from typing import Any

import numpy as np
import pandas as pd

from nivesh.data.texts import OUT_OF_SCOPE
from nivesh.errors import DataError
from nivesh.models.intent_classifier.inference import Classifier
from nivesh.models.intent_classifier.schema import MIN_CONFIDENCE
from nivesh.text.language import is_hinglish

ROW_UNIT = "texts"
BINS = 10
LONG = 20  # words


def evaluate(model: Classifier, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Measure on labelled rows that training has not seen.

    Args:
        model: the trained classifier.
        test: columns text and intent; rows of intent "out_of_scope" are measured by themselves.
        history: not needed.

    Returns:
        accuracy, macro_f1, per_intent, rows, ece, baseline_accuracy, baseline_macro_f1, slices (by kind of text, and by
        voice where the rows name one); out_of_scope where there are such rows.

    Raises:
        DataError: there are no rows of any intent.
    """
    rows, outside = in_scope(test), test.loc[test["intent"] == OUT_OF_SCOPE, "text"].tolist()
    texts, truth = rows["text"].tolist(), rows["intent"].to_numpy(str)
    guess, confidence = best(model, texts)
    baseline = scores(
        truth, np.array(model.intents)[model.ngrams.logits(texts)[:, : len(model.intents)].argmax(axis=1)]
    )
    metrics = {
        **scores(truth, guess),
        "rows": len(texts),
        "ece": calibration_error(confidence, guess == truth),
        "baseline_accuracy": baseline["accuracy"],
        "baseline_macro_f1": baseline["macro_f1"],
        "slices": slices(rows, guess == truth),
    }
    if outside:
        metrics["out_of_scope"] = out_of_scope_scores(confidence, best(model, outside)[1])
    return metrics


def per_row(model: Classifier, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """1 for each text in scope whose intent is right, else 0; of shape (texts, 1)."""
    rows = in_scope(test)
    return (best(model, rows["text"].tolist())[0] == rows["intent"].to_numpy(str)).astype(float)[:, None]


def primary_metric(rows: np.ndarray) -> float:
    """The accuracy of rows as ``per_row`` gives them."""
    return float(rows.mean())


def in_scope(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that have an intent.

    Raises:
        DataError: there are none.
    """
    rows = frame[frame["intent"] != OUT_OF_SCOPE]
    if rows.empty:
        raise DataError("no rows to measure with; give labelled texts")
    return rows


def best(model: Classifier, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(most probable intent, its confidence) of each text; both of shape (texts,)."""
    probabilities = model.probabilities(texts)
    return np.array(model.intents)[probabilities.argmax(axis=1)], probabilities.max(axis=1)


def scores(truth: np.ndarray, guess: np.ndarray) -> dict[str, Any]:
    """accuracy, macro_f1 over the labels that occur in ``truth``, and per_intent."""
    from sklearn.metrics import precision_recall_fscore_support

    names = np.unique(truth)
    columns = precision_recall_fscore_support(truth, guess, labels=names, zero_division=0)
    per_intent = {
        str(name): {"precision": float(p), "recall": float(r), "f1": float(f1), "support": int(support)}
        for name, p, r, f1, support in zip(names, *columns, strict=True)
    }
    return {
        "accuracy": float(np.mean(truth == guess)),
        "macro_f1": float(np.mean(columns[2])),
        "per_intent": per_intent,
    }


def out_of_scope_scores(inside: np.ndarray, outside: np.ndarray) -> dict[str, Any]:
    """How well the confidence separates texts of an intent (``inside``) from texts of none (``outside``)."""
    from sklearn.metrics import roc_auc_score

    labels = np.repeat([1, 0], [len(inside), len(outside)])
    return {
        "rows": len(outside),
        "auroc": float(roc_auc_score(labels, np.concatenate([inside, outside]))),
        "share_below_min_confidence": float(np.mean(outside < MIN_CONFIDENCE)),
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over bins of equal width, weighted by rows."""
    return sum(abs(c - r) * rows for c, r, rows in reliability(confidence, right)) / len(right)


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """(mean confidence, accuracy, rows) of each of ``BINS`` bins of equal width that has rows."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def segments(test: pd.DataFrame) -> dict[str, np.ndarray]:
    """The texts in scope by kind of text, and by voice where there is such a column."""
    return _masks(in_scope(test))


def slices(rows: pd.DataFrame, right: np.ndarray) -> dict[str, Any]:
    """Rows and accuracy by kind of text, and by voice where there is such a column; empty slices are left out."""
    return {
        name: {"rows": int(mask.sum()), "accuracy": float(right[mask].mean())}
        for name, mask in _masks(rows).items()
        if mask.any()
    }


def _masks(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    texts = rows["text"].tolist()
    words = np.array([len(text.split()) for text in texts])
    hinglish = np.array([is_hinglish(text) for text in texts])
    masks = {
        "short (3 words or less)": words <= 3,
        f"long ({LONG} words or more)": words >= LONG,
        "with digits": np.array([any(c.isdigit() for c in text) for text in texts]),
        "hinglish": hinglish,
        "not hinglish": ~hinglish,
    }
    if "voice" in rows:
        voices = rows["voice"].fillna("").to_numpy(str)
        masks |= {f"voice: {voice}": voices == voice for voice in sorted(set(voices) - {""})}
    return masks
