"""Plots of the held-out spans."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure  # without pyplot: no global state, safe in threads

from nivesh.models.financial_ner import evaluation
from nivesh.models.financial_ner.inference import FittedNER, spans_in


def plot(model: FittedNER, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write entity_f1.png and confusion.png; the most frequent errors as error_analysis.json beside them."""
    folder = Path(folder)
    gold = test["entities"].tolist()
    found = [spans_in(model.nlp, text) for text in test["text"]]
    analysis = json.dumps(evaluation.errors(gold, found, most=50), ensure_ascii=False, indent=1)
    (folder / "error_analysis.json").write_text(analysis, encoding="utf-8")
    bars, matrix = folder / "entity_f1.png", folder / "confusion.png"
    _draw_f1(evaluation.scores(gold, found, model.labels)).savefig(bars, dpi=120)
    _draw_confusion(evaluation.confusion(gold, found), model.labels).savefig(matrix, dpi=120)
    return [bars, matrix]


def _draw_f1(scores: dict[str, Any]) -> Figure:
    per_entity = scores["per_entity"]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    values = [part["f1"] for part in per_entity.values()] + [scores["f1"]]
    names = [f"{label}\n({part['support']})" for label, part in per_entity.items()] + ["all"]
    axes.bar_label(axes.bar(names, values, color=["#4878a8"] * len(per_entity) + ["#555555"]), fmt="%.3f")
    axes.axhline(0.9, color="#c44e52", linestyle="--", linewidth=1, label="target of each entity")
    axes.set(ylim=(0, 1.05), ylabel="F1, strict spans", title="F1 on held-out texts (number of true spans)")
    axes.legend(loc="lower right")
    return figure


def _draw_confusion(confusion: dict[tuple[str, str], int], labels: Sequence[str]) -> Figure:
    known = sorted({*labels, *(label for label, _ in confusion)} - {"spurious"})
    rows, columns = [*known, "spurious"], [*known, "missed"]
    counts = np.array([[confusion.get((row, column), 0) for column in columns] for row in rows])
    figure = Figure(figsize=(6.5, 5.5), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, count, ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="predicted", ylabel="true", title="Labels of spans with the same bounds")
    return figure
