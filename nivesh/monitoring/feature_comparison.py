"""Features of one table against the same features of another maker: numbers as JSON, and a picture."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.monitoring.population_stability import SHIFTED, Stability, population_stability

COLUMNS = 3  # of the picture
SOURCES = ("the file's columns", "made from transactions")


def compare_features(
    from_file: pd.DataFrame, from_transactions: pd.DataFrame, columns: Iterable[str]
) -> dict[str, Stability]:
    """The PSI of each column, of the same rows from both makers; the largest first. The file is the reference.

    Raises:
        DataError: the rows are too few.
    """
    found = {name: population_stability(from_file[name], from_transactions[name]) for name in columns}
    return dict(sorted(found.items(), key=lambda item: -item[1].psi))


def shifted_sentence(found: dict[str, Stability]) -> str:
    """The features whose PSI is above ``SHIFTED``, in words; "" where there are none."""
    shifted = [f"{name} ({one.psi:.2f})" for name, one in found.items() if one.shifted]
    return f"PSI above {SHIFTED} against the file's columns: {', '.join(shifted)}" if shifted else ""


def write_comparison(
    found: dict[str, Stability], from_file: pd.DataFrame, from_transactions: pd.DataFrame, folder: Path
) -> None:
    """Write feature_comparison.json and feature_comparison.png into a folder."""
    content: dict[str, Any] = {
        "rows": len(from_file),
        "threshold": SHIFTED,
        "shifted": [name for name, one in found.items() if one.shifted],
        "features": {
            name: {
                "psi": one.psi,
                "median_of_file": _median(from_file[name]),
                "median_from_transactions": _median(from_transactions[name]),
                "missing_from_transactions": float(from_transactions[name].isna().mean()),
                "bin_edges": one.edges,
                "shares_of_file": one.reference,
                "shares_from_transactions": one.current,
            }
            for name, one in found.items()
        },
    }
    (folder / "feature_comparison.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    _draw(found, folder / "feature_comparison.png")


def _median(values: pd.Series) -> float | None:
    median = float(values.median())
    return None if pd.isna(median) else median


def _draw(found: dict[str, Stability], path: Path) -> None:
    from matplotlib.figure import Figure

    rows = -(-len(found) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.4 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for one, (name, stability) in zip(axes, found.items(), strict=False):
        for offset, shares, label in ((-0.2, stability.reference, SOURCES[0]), (0.2, stability.current, SOURCES[1])):
            places = [place + offset for place in range(len(shares))]
            one.bar(places, shares, 0.4, label=label, color="tab:blue" if offset < 0 else "tab:orange")
        one.set_title(
            f"{name}, PSI {stability.psi:.2f}", fontsize=10, color="tab:red" if stability.shifted else "black"
        )
        labels = _labels(stability)
        one.set_xticks(range(len(labels)), labels, rotation=60, fontsize=6)
    for one in axes[len(found) :]:
        one.axis("off")
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=120)


def _labels(stability: Stability) -> list[str]:
    edges = stability.edges
    labels = [f"≤ {edge:.3g}" for edge in edges] + ["above"]
    if len(edges) > 1 and np.nextafter(edges[0], np.inf) == edges[1]:
        labels[0] = f"< {edges[1]:.3g}"
    return labels + ["missing"] * (len(stability.reference) - len(labels))
