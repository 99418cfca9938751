"""Plots of the evaluation, and the answers side by side for people to read."""

from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.evaluation import compared, scores


def plot(model: Advisor, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write base_and_tuned.png, and answers.md with three answers to each question.

    Raises:
        DataError: there are no rows.
        VertexRefused, VertexUnavailable: a question got no reply.
    """
    questions, references, tuned, base = compared(model, test)
    chart = _bars(scores(tuned, references, questions), scores(base, references, questions), Path(folder))
    return [chart, _answers(questions, {"reference": references, "base": base, "tuned": tuned}, Path(folder))]


def _bars(tuned: dict[str, float], base: dict[str, float], folder: Path) -> Path:
    """Base beside tuned for each metric, as base_and_tuned.png."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(tuned))
    for offset, (name, values) in zip((-0.2, 0.2), (("base", base), ("tuned", tuned)), strict=True):
        bars = axes.bar(places + offset, [values[metric] for metric in tuned], 0.4, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set_xticks(places, list(tuned))
    axes.set_ylim(0, 1.1)
    axes.set_ylabel("mean over held-out questions")
    axes.legend()
    path = folder / "base_and_tuned.png"
    figure.savefig(path, dpi=120)
    return path


def _answers(questions: list[str], answers: dict[str, list[str]], folder: Path) -> Path:
    """Each question with the answers to it, as answers.md."""
    lines = ["# Held-out questions: the reference, the base model's answer, the tuned model's answer", ""]
    for number, question in enumerate(questions):
        lines += [f"## {question}", *(f"- **{name}**: {texts[number]}" for name, texts in answers.items()), ""]
    path = folder / "answers.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
