"""The evaluation as pictures."""

from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.features.behaviour import FEATURES
from nivesh.models.anomaly_detector.evaluation import baseline, binary_metrics, evaluation_rows
from nivesh.models.anomaly_detector.inference import Detector


def plot(model: Detector, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Scores with the threshold, detection by kind, precision and recall; arguments as of ``evaluate``.

    Returns:
        The paths of the PNG files.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.metrics import precision_recall_curve

    rows, truth, kinds, evaluated_on = evaluation_rows(test, history)
    scores = model.score(rows[list(FEATURES)].to_numpy())
    metrics = binary_metrics(scores > model.threshold, scores, truth)
    paths = []

    def finish(figure, name: str) -> None:
        paths.append(Path(folder) / f"{name}.png")
        figure.tight_layout()
        figure.savefig(paths[-1], dpi=120)
        plt.close(figure)

    figure, axes = plt.subplots(figsize=(7, 4))
    bins = np.linspace(scores.min(), scores.max() + 1e-9, 60).tolist()
    axes.hist(scores[~truth], bins, alpha=0.7, label=f"ordinary ({(~truth).sum():,})")
    axes.hist(scores[truth], bins, alpha=0.7, label=f"anomalies ({truth.sum():,})")
    axes.axvline(model.threshold, color="black", linestyle="--", label=f"threshold {model.threshold:.3f}")
    axes.set(yscale="log", xlabel="anomaly score", ylabel="transactions", title=f"Scores: {evaluated_on}")
    axes.legend()
    finish(figure, "scores")

    names = sorted(set(kinds[truth]) - {""})
    rates = [float((scores[truth & (kinds == name)] > model.threshold).mean()) for name in names]
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(names) + 1.9))
    axes.barh(names or ["all"], rates or [metrics["detection_rate"]])
    axes.axvline(0.95, color="black", linestyle="--", label="target 0.95")
    axes.set(xlim=(0, 1), xlabel="detection rate", title="Detection by kind of anomaly")
    axes.legend(loc="lower left")
    finish(figure, "detection_by_kind")

    precision, recall, _ = precision_recall_curve(truth, scores)
    baseline_precision, baseline_recall, _ = precision_recall_curve(truth, baseline(rows))
    figure, axes = plt.subplots(figsize=(6, 4.5))
    axes.plot(recall, precision, label=f"detector (AP {metrics['average_precision']:.3f})")
    axes.plot(baseline_recall, baseline_precision, linestyle=":", label="z-score of the amount")
    axes.plot(metrics["detection_rate"], metrics["precision"], "ko", label="at the threshold")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title="Precision and recall")
    axes.legend(loc="lower left")
    finish(figure, "precision_recall")
    return paths
