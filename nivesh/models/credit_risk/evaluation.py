"""Every number by which a model is judged."""

from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.models.credit_risk.fairness import fairness
from nivesh.models.credit_risk.scoring import CreditRisk, baseline_probability, frame_matrix, probability
from nivesh.models.credit_risk.terms import HIGH

MIN_SLICE = 50
BIN_ROWS, MOST_BINS = 50, 10


def evaluate(model: CreditRisk, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics on labelled applications that the model has not seen.

    Args:
        model: the fitted model.
        test: applications of any users.
        history: not needed; an application is judged by itself.

    Returns:
        auc, gini, ks, average_precision, brier, log_loss, ece, rates; the baseline's as ``baseline_…``; "fairness" by
        gender, region and age_band; "slices" by employment and kind of loan.

    Raises:
        DataError: all applications have the same outcome, so that nothing can be ranked.
    """
    del history
    truth = test["defaulted"].to_numpy()
    if truth.min() == truth.max():
        raise DataError(
            f"all {len(test)} applications {'defaulted' if truth[0] else 'were repaid'}: to measure a ranking, both "
            "outcomes must be there"
        )
    chances = probability(model, frame_matrix(model, test))
    naive = baseline_probability(model, test)
    declined = chances >= HIGH
    return {
        "rows": len(test),
        "default_rate": float(truth.mean()),
        "mean_probability": float(chances.mean()),
        **ranking(truth, chances),
        "ece": calibration_error(truth, chances),
        "decline_rate": float(declined.mean()),
        "default_rate_of_approved": float(truth[~declined].mean()) if (~declined).any() else None,
        **{f"baseline_{name}": value for name, value in ranking(truth, naive).items()},
        "baseline_ece": calibration_error(truth, naive),
        "fairness": fairness(test, chances),
        "slices": _slices(test, truth, chances),
    }


def ranking(truth: np.ndarray, chances: np.ndarray) -> dict[str, float]:
    """auc, gini, ks, average_precision, brier and log_loss."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve

    auc = float(roc_auc_score(truth, chances))
    false_positive, true_positive, _ = roc_curve(truth, chances)
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "ks": float((true_positive - false_positive).max()),
        "average_precision": float(average_precision_score(truth, chances)),
        "brier": float(brier_score_loss(truth, chances)),
        "log_loss": float(log_loss(truth, chances, labels=[0, 1])),
    }


def calibration_bins(truth: np.ndarray, chances: np.ndarray) -> list[tuple[int, float, float]]:
    """(rows, mean probability, share of defaults) in bins of equal size, from the safest to the riskiest.

    At most ``MOST_BINS``, and fewer where a bin would have less than ``BIN_ROWS`` rows, whose share means little.
    """
    bins = int(np.clip(len(truth) // BIN_ROWS, 1, MOST_BINS))
    order = np.argsort(chances, kind="stable")
    return [(len(i), float(chances[i].mean()), float(truth[i].mean())) for i in np.array_split(order, bins)]


def calibration_error(truth: np.ndarray, chances: np.ndarray) -> float:
    """Expected calibration error: the mean gap of ``calibration_bins``, weighted by rows."""
    bins = calibration_bins(truth, chances)
    return sum(rows * abs(said - came) for rows, said, came in bins) / len(truth)


def _slices(test: pd.DataFrame, truth: np.ndarray, chances: np.ndarray) -> dict[str, dict[str, Any]]:
    """auc and brier where there are rows enough of both outcomes; fewer rows are counted and not judged."""
    from sklearn.metrics import roc_auc_score

    years = pd.cut(test["loan_tenure_months"], [0, 36, 84, 480], labels=["to 3 years", "to 7 years", "over 7 years"])
    income = pd.cut(test["monthly_income"], [-1, 25_000, 60_000, np.inf], labels=["to 25k", "to 60k", "over 60k"])
    by = {"employment": test["employment_type"], "tenure": years.astype(str), "income": income.astype(str)}
    slices: dict[str, dict[str, Any]] = {}
    for kind, values in by.items():
        slices[kind] = {}
        for name in sorted(set(values)):
            of = (values == name).to_numpy()
            judged = of.sum() >= MIN_SLICE and 0 < truth[of].sum() < of.sum()
            slices[kind][str(name)] = {
                "rows": int(of.sum()),
                "default_rate": float(truth[of].mean()),
                "mean_probability": float(chances[of].mean()),
                "auc": float(roc_auc_score(truth[of], chances[of])) if judged else None,
                "brier": float(np.mean((truth[of] - chances[of]) ** 2)),
            }
    return slices
