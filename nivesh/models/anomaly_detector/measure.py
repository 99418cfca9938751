"""How well a fitted detector finds labelled anomalies, beside its baseline."""

from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.behaviour import FEATURES
from nivesh.models.anomaly_detector.fitting import Model, baseline

SLICES = ((0, 30), (30, 100), (100, 500), (500, None))


def metrics(flagged: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Detection rate (recall), false-positive rate, precision and average precision.

    Args:
        flagged: (rows,) bool, what the detector calls an anomaly.
        scores: (rows,) higher is more anomalous.
        truth: (rows,) bool labels.
    """
    from sklearn.metrics import average_precision_score

    return {
        "detection_rate": _share(flagged[truth]),
        "false_positive_rate": _share(flagged[~truth]),
        "precision": _share(truth[flagged]),
        "average_precision": float(average_precision_score(truth, scores)) if truth.any() else float("nan"),
    }


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def evaluate(model: Model, test: pd.DataFrame) -> dict:
    """Metrics on labelled rows with features.

    Raises:
        DataError: the rows have no labels, or no anomaly among them.
    """
    if "is_anomaly" not in test:
        raise DataError("to evaluate, the transactions need a column is_anomaly with 0 or 1")
    truth = test["is_anomaly"].to_numpy() == 1
    if not truth.any() or truth.all():
        raise DataError("to evaluate, the column is_anomaly must hold both 0 and 1")
    scores = model.score(test[list(FEATURES)].to_numpy())
    flagged = scores > model.threshold
    simple = baseline(test)
    result = metrics(flagged, scores, truth)
    result |= {f"baseline_{name}": v for name, v in metrics(simple > model.baseline_threshold, simple, truth).items()}
    result |= {"rows": len(test), "anomalies": int(truth.sum()), "users": int(test["user_id"].nunique())}
    result["threshold"] = model.threshold
    if "anomaly_kind" in test:
        kinds = test["anomaly_kind"].fillna("").astype(str).to_numpy()
        result["per_kind"] = {
            kind: _share(flagged[truth & (kinds == kind)]) for kind in sorted(set(kinds[truth]) - {""})
        }
    result["slices"] = {}
    history = test["history"].to_numpy()
    for low, high in SLICES:
        rows = (history >= low) & (history < (high or np.inf))
        if rows.any():
            name = f"history_{low}_to_{high}" if high else f"history_from_{low}"
            part = {"rows": int(rows.sum()), "false_positive_rate": _share(flagged[rows & ~truth])}
            if (rows & truth).any():
                part["detection_rate"] = _share(flagged[rows & truth])
            result["slices"][name] = part
    return result


def plot(model: Model, test: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw the scores with the threshold, the detection of each kind and precision against detection."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.metrics import precision_recall_curve

    measured = evaluate(model, test)
    truth = test["is_anomaly"].to_numpy() == 1
    scores = model.score(test[list(FEATURES)].to_numpy())
    paths = []

    def finish(figure, name: str) -> None:
        paths.append(Path(folder) / f"{name}.png")
        figure.tight_layout()
        figure.savefig(paths[-1], dpi=120)
        plt.close(figure)

    figure, axes = plt.subplots(figsize=(7, 4))
    bins = np.linspace(scores.min(), scores.max() + 1e-9, 60)
    axes.hist(scores[~truth], bins, alpha=0.7, label=f"ordinary ({(~truth).sum():,})")
    axes.hist(scores[truth], bins, alpha=0.7, label=f"anomalies ({truth.sum():,})")
    axes.axvline(model.threshold, color="black", linestyle="--", label=f"threshold {model.threshold:.3f}")
    axes.set(yscale="log", xlabel="anomaly score", ylabel="transactions", title="Scores of held-out transactions")
    axes.legend()
    finish(figure, "scores")

    kinds = measured.get("per_kind") or {"all": measured["detection_rate"]}
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(kinds) + 1.5))
    axes.barh(list(kinds), list(kinds.values()))
    axes.axvline(0.95, color="black", linestyle="--", label="target 0.95")
    axes.set(xlim=(0, 1), xlabel="detection rate", title="Detection by kind of anomaly")
    axes.legend(loc="lower left")
    finish(figure, "detection_by_kind")

    precision, recall, _ = precision_recall_curve(truth, scores)
    simple, simple_recall, _ = precision_recall_curve(truth, baseline(test))
    figure, axes = plt.subplots(figsize=(6, 4.5))
    axes.plot(recall, precision, label=f"detector (AP {measured['average_precision']:.3f})")
    label = f"amount z-score (AP {measured['baseline_average_precision']:.3f})"
    axes.plot(simple_recall, simple, linestyle=":", label=label)
    axes.plot(measured["detection_rate"], measured["precision"], "ko", label="at the threshold")
    axes.set(
        xlabel="detection rate", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title="Precision and detection"
    )
    axes.legend(loc="lower left")
    finish(figure, "precision_detection")
    return paths
