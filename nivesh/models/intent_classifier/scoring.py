"""Metrics of answers against labels, and their plots."""

import json
from pathlib import Path

import numpy as np

BINS = 10
LONG = 20  # words
# Hinglish: a text with Devanagari, or with one of these words, which are no English words.
HINDI = """
aaj abhi acha agar aur bata batao bhai bhi chahiye chukane chuka dena diya gaya ghar haan hai hain hoga hona
hota hua hu hun ho jaldi jab kaha kahan kaise kaisa kaun kaunsa kar karna karne karo karu karun karta kitna
kitne kitni ki ka ke ko koi kya kyu kyun kab lagta lena liya liye mahina mahine mein mera mere meri mujhe
nahi nahin paisa paise pehle raha rahe rahi sabse saal sakta sakte sakti tak tha thi thoda toh wala wale wali
ya yeh zyada
"""
HINDI_WORDS = frozenset(HINDI.split())


def is_hinglish(text: str) -> bool:
    """The stated rule of the slice: Devanagari letters, or a word of ``HINDI_WORDS``."""
    words = {word.strip(".,?!:;'\"()") for word in text.casefold().split()}
    return any("\u0900" <= c <= "\u097f" for c in text) or not words.isdisjoint(HINDI_WORDS)


def scores(truth: np.ndarray, guess: np.ndarray) -> dict:
    """accuracy, macro_f1 over the labels that occur in ``truth``, and per_intent."""
    names = sorted(set(truth))
    per_intent = {name: _of_one(truth == name, guess == name) for name in names}
    return {
        "accuracy": float(np.mean(truth == guess)),
        "macro_f1": float(np.mean([row["f1"] for row in per_intent.values()])),
        "per_intent": per_intent,
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over bins of equal width, weighted by rows."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * np.mean(bins == b)
        for b in range(BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Probability that a text of an intent gets more confidence than one of none; ties count half."""
    above = (inside[:, None] > outside[None]).mean() + 0.5 * (inside[:, None] == outside[None]).mean()
    return float(above)


def slices(texts: list[str], right: np.ndarray) -> dict:
    """Accuracy of kinds of texts; a kind without texts is left out."""
    words = np.array([len(text.split()) for text in texts])
    hinglish = np.array([is_hinglish(text) for text in texts])
    kinds = {
        "short (3 words or less)": words <= 3,
        f"long ({LONG} words or more)": words >= LONG,
        "with digits": np.array([any(c.isdigit() for c in text) for text in texts]),
        "hinglish": hinglish,
        "not hinglish": ~hinglish,
    }
    return {
        name: {"rows": int(mask.sum()), "accuracy": float(right[mask].mean())}
        for name, mask in kinds.items()
        if mask.any()
    }


def draw(truth: np.ndarray, guess: np.ndarray, confidence: np.ndarray, folder: Path) -> list[Path]:
    """Write confusion_matrix.png, reliability.png and classification_report.json."""
    from matplotlib.figure import Figure
    from sklearn.metrics import classification_report, confusion_matrix

    names = sorted({*truth, *guess})
    counts = confusion_matrix(truth, guess, labels=names)
    matrix = Figure(figsize=(9, 8), layout="constrained")
    axes = matrix.subplots()
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="answered", ylabel="labelled", title="Held-out texts by intent")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = count > 0.5 * counts[row].sum()
            axes.text(column, row, count, ha="center", va="center", color="white" if dark else "black")

    reliability = Figure(figsize=(5, 5), layout="constrained")
    axes = reliability.subplots()
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    filled = [b for b in range(BINS) if (bins == b).any()]
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="perfect")
    axes.plot(
        [confidence[bins == b].mean() for b in filled],
        [(truth == guess)[bins == b].mean() for b in filled],
        marker="o",
        label="this model",
    )
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02), title="Reliability")
    axes.legend()

    report = classification_report(truth, guess, labels=names, output_dict=True, zero_division=0)
    paths = [folder / name for name in ("confusion_matrix.png", "reliability.png", "classification_report.json")]
    matrix.savefig(paths[0], dpi=120)
    reliability.savefig(paths[1], dpi=120)
    paths[2].write_text(json.dumps(report, indent=2), encoding="utf-8")
    return paths


def _of_one(truth: np.ndarray, guess: np.ndarray) -> dict:
    hits = int((truth & guess).sum())
    precision = hits / guess.sum() if guess.any() else 0.0
    recall = hits / truth.sum() if truth.any() else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(truth.sum())}
