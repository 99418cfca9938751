"""Plots of the held-out texts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.models.intent_classifier.evaluation import best, in_scope, reliability
from nivesh.models.intent_classifier.inference import Classifier


def plot(model: Classifier, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write confusion_matrix.png, reliability.png and classification_report.json into folder."""
    from matplotlib.figure import Figure  # without pyplot: no global state, safe in threads
    from sklearn.metrics import ConfusionMatrixDisplay, classification_report

    rows = in_scope(test)
    truth = rows["intent"].to_numpy(str)
    guess, confidence = best(model, rows["text"].tolist())
    names = sorted({*truth, *guess})

    matrix = Figure(figsize=(10, 9), layout="constrained")
    axes = matrix.subplots()
    ConfusionMatrixDisplay.from_predictions(
        truth, guess, labels=names, xticks_rotation=60, cmap="Blues", colorbar=False, ax=axes
    )
    axes.set(xlabel="predicted", ylabel="true", title="Held-out texts by intent")

    calibration = Figure(figsize=(5, 5), layout="constrained")
    axes = calibration.subplots()
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="perfect")
    confident, right, _ = np.transpose(reliability(confidence, truth == guess))
    axes.plot(confident, right, marker="o", label="this model")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02), title="Reliability")
    axes.legend()

    report = classification_report(truth, guess, labels=names, output_dict=True, zero_division=0)
    paths = [Path(folder) / name for name in ("confusion_matrix.png", "reliability.png", "classification_report.json")]
    matrix.savefig(paths[0], dpi=120)
    calibration.savefig(paths[1], dpi=120)
    paths[2].write_text(json.dumps(report, indent=2), encoding="utf-8")
    return paths
