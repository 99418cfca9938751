"""Plots of the held-out spans."""

from pathlib import Path

import numpy as np

from nivesh.data.texts import ENTITY_LABELS


def draw(scores: dict, confusion: dict[tuple[str, str], int], folder: Path) -> list[Path]:
    """Write entity_f1.png and confusion.png.

    Args:
        scores: What ``scoring.score`` gives.
        confusion: What ``scoring.confusion`` gives.
        folder: Where the files go; it exists.
    """
    from matplotlib.figure import Figure  # without pyplot: no global state, safe in threads

    per_entity = scores["per_entity"]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    values = [per_entity[label]["f1"] for label in ENTITY_LABELS] + [scores["f1"]]
    names = [f"{label}\n({per_entity[label]['support']})" for label in ENTITY_LABELS] + ["all"]
    axes.bar_label(axes.bar(names, values, color=["#4878a8"] * len(ENTITY_LABELS) + ["#555555"]), fmt="%.3f")
    axes.axhline(0.9, color="#c44e52", linestyle="--", linewidth=1, label="target of each entity")
    axes.set(ylim=(0, 1.05), ylabel="F1, strict spans", title="F1 on held-out texts (number of true spans)")
    axes.legend(loc="lower right")
    bars = folder / "entity_f1.png"
    figure.savefig(bars, dpi=120)

    rows, columns = [*ENTITY_LABELS, "spurious"], [*ENTITY_LABELS, "missed"]
    counts = np.array([[confusion.get((row, column), 0) for column in columns] for row in rows])
    figure = Figure(figsize=(6.5, 5.5), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, count, ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="found", ylabel="true", title="Labels of spans with the same bounds")
    matrix = folder / "confusion.png"
    figure.savefig(matrix, dpi=120)
    return [bars, matrix]
