"""Plots of a model's quality on held-out rows."""

from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.models.credit_risk.classifier import (
    FEATURES,
    CreditRisk,
    baseline_probability,
    contributions,
    frame_matrix,
    probability,
)
from nivesh.models.credit_risk.evaluation import calibration_bins
from nivesh.models.credit_risk.fairness import fairness

BLUE, GREY, RED = "#2563eb", "#94a3b8", "#dc2626"


def plot(model: CreditRisk, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write roc.png, calibration.png, importance.png and fairness.png into ``folder``; returns their paths."""
    from matplotlib.figure import Figure

    del history
    truth = test["defaulted"].to_numpy()
    inputs = frame_matrix(model, test)
    probabilities = probability(model, inputs)
    drawn = {
        "roc": lambda axes: _roc(
            axes, truth, {"credit_risk": probabilities, "baseline": baseline_probability(model, test)}
        ),
        "calibration": lambda axes: _calibration(axes, truth, probabilities),
        "importance": lambda axes: _importance(axes, contributions(model, inputs)),
    }
    paths = []
    for name, draw in drawn.items():
        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        draw(figure.subplots())
        paths.append(_save(figure, folder, name))
    figure = Figure(figsize=(11, 4), layout="constrained")
    metrics = fairness(test, probabilities)
    for axes, name in zip(figure.subplots(1, 3, sharey=True), ("gender", "region", "age_band"), strict=True):
        _fairness(axes, name, metrics[name]["groups"])
    return [*paths, _save(figure, folder, "fairness")]


def _save(figure, folder: Path, name: str) -> Path:
    path = Path(folder) / f"{name}.png"
    figure.savefig(path, dpi=120)
    return path


def _roc(axes, truth: np.ndarray, scores: dict[str, np.ndarray]) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    for (name, probabilities), colour in zip(scores.items(), (BLUE, GREY), strict=True):
        false_positive, true_positive, _ = roc_curve(truth, probabilities)
        axes.plot(
            false_positive, true_positive, color=colour, label=f"{name}, AUC {roc_auc_score(truth, probabilities):.3f}"
        )
    axes.plot([0, 1], [0, 1], ":", color=GREY)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC on held-out applications")
    axes.legend(loc="lower right")


def _calibration(axes, truth: np.ndarray, probabilities: np.ndarray) -> None:
    rows, predicted, observed = (
        np.array(column) for column in zip(*calibration_bins(truth, probabilities), strict=True)
    )
    error = 1.96 * np.sqrt(np.maximum(observed * (1 - observed), 0) / rows)
    top = max(predicted.max(), (observed + error).max()) * 1.05
    axes.plot([0, top], [0, top], ":", color=GREY, label="perfect")
    axes.errorbar(predicted, observed, yerr=error, fmt="o-", color=BLUE, capsize=3, label="bins of equal size, 95 %")
    axes.set(
        xlabel="predicted probability", ylabel="observed default rate", title="Calibration on held-out applications"
    )
    axes.legend(loc="upper left")


def _importance(axes, shap: np.ndarray) -> None:
    weight = np.abs(shap[:, :-1]).mean(axis=0)
    order = np.argsort(weight)
    axes.barh([list(FEATURES)[i] for i in order], weight[order], color=BLUE)
    axes.set(xlabel="mean |SHAP|, log-odds", title="Feature importance")


def _fairness(axes, name: str, groups: dict[str, dict]) -> None:
    """Three bars a group; groups too small to be tested are pale."""
    bars = {"approval_rate": BLUE, "false_positive_rate": GREY, "false_negative_rate": RED}
    place = np.arange(len(groups))
    pale = [1.0 if group["judged"] else 0.3 for group in groups.values()]
    for i, (metric, colour) in enumerate(bars.items()):
        heights = [group[metric] for group in groups.values()]
        for x, height, alpha in zip(place, heights, pale, strict=True):
            axes.bar(x + 0.27 * (i - 1), height, 0.25, color=colour, alpha=alpha)
        axes.bar(0, 0, color=colour, label=metric.replace("_", " "))
    axes.set_xticks(place, list(groups), rotation=40, ha="right")
    axes.set_title(name.replace("_", " "))
    if name == "gender":
        axes.legend(fontsize="small")
