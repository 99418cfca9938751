"""The model's metrics on held-out applications."""

from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.models.credit_risk.classifier import CreditRisk, baseline_probability, frame_matrix, probability
from nivesh.models.credit_risk.fairness import fairness
from nivesh.models.credit_risk.schema import HIGH

MIN_SLICE_ROWS = 50
MIN_BIN_ROWS, MAX_BINS = 50, 10


def evaluate(model: CreditRisk, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics on labelled applications that the model has not seen.

    Args:
        model: the fitted model.
        test: applications of any users.
        history: not used; an application is scored by itself.

    Returns:
        auc, gini, ks, average_precision, brier, log_loss, ece, rates; the baseline's as ``baseline_…``; "fairness" by
        gender, region and age_band; "slices" by employment, tenure and income.

    Raises:
        DataError: all applications have the same outcome, so that there is nothing to rank.
    """
    del history
    truth = test["defaulted"].to_numpy()
    if truth.min() == truth.max():
        raise DataError(
            f"all {len(test)} applications {'defaulted' if truth[0] else 'were repaid'}: to measure a ranking, both "
            "outcomes must be there"
        )
    probabilities = probability(model, frame_matrix(model, test))
    baseline = baseline_probability(model, test)
    declined = probabilities >= HIGH
    return {
        "rows": len(test),
        "default_rate": float(truth.mean()),
        "mean_probability": float(probabilities.mean()),
        **ranking_metrics(truth, probabilities),
        "ece": calibration_error(truth, probabilities),
        "decline_rate": float(declined.mean()),
        "default_rate_of_approved": float(truth[~declined].mean()) if (~declined).any() else None,
        **{f"baseline_{name}": value for name, value in ranking_metrics(truth, baseline).items()},
        "baseline_ece": calibration_error(truth, baseline),
        "fairness": fairness(test, probabilities),
        "slices": _slices(test, truth, probabilities),
    }


def per_row(model: CreditRisk, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """(outcome, probability) of each application, of shape (applications, 2)."""
    del history
    return np.column_stack([test["defaulted"], probability(model, frame_matrix(model, test))])


def primary_metric(rows: np.ndarray) -> float:
    """The AUC of rows as ``per_row`` gives them, as the Mann-Whitney statistic; NaN where all outcomes are the same."""
    from scipy.stats import rankdata

    defaulted = rows[:, 0] == 1
    positives, negatives = defaulted.sum(), (~defaulted).sum()
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(rows[:, 1])
    return float((ranks[defaulted].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def loss(rows: np.ndarray) -> float:
    """The log loss of rows as ``per_row`` gives them, in nats."""
    outcome, chance = rows[:, 0], np.clip(rows[:, 1], 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(outcome == 1, np.log(chance), np.log(1 - chance))))


def ranking_metrics(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """auc, gini (2 auc - 1), ks (Kolmogorov-Smirnov), average_precision, brier and log_loss."""
    from scipy.stats import ks_2samp
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    auc = float(roc_auc_score(truth, probabilities))
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "ks": float(ks_2samp(probabilities[truth == 1], probabilities[truth == 0], method="asymp").statistic),
        "average_precision": float(average_precision_score(truth, probabilities)),
        "brier": float(brier_score_loss(truth, probabilities)),
        "log_loss": float(log_loss(truth, probabilities, labels=[0, 1])),
    }


def calibration_bins(truth: np.ndarray, probabilities: np.ndarray) -> list[tuple[int, float, float]]:
    """(rows, mean probability, default rate) in bins of equal size, from the safest to the riskiest.

    At most ``MAX_BINS``, and fewer where a bin would have less than ``MIN_BIN_ROWS`` rows, whose default rate is
    mostly noise. scikit-learn's ``calibration_curve`` does not return the sizes, which the error needs.
    """
    bins = int(np.clip(len(truth) // MIN_BIN_ROWS, 1, MAX_BINS))
    order = np.argsort(probabilities, kind="stable")
    return [(len(i), float(probabilities[i].mean()), float(truth[i].mean())) for i in np.array_split(order, bins)]


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error: the mean gap of ``calibration_bins``, weighted by rows."""
    bins = calibration_bins(truth, probabilities)
    return sum(rows * abs(predicted - observed) for rows, predicted, observed in bins) / len(truth)


def segments(test: pd.DataFrame) -> dict[str, np.ndarray]:
    """The rows of each employment, tenure and income, by names such as ``employment=salaried``."""
    return {
        f"{kind}={name}": (values == name).to_numpy()
        for kind, values in _attributes(test).items()
        for name in sorted(set(values))
    }


def _attributes(test: pd.DataFrame) -> dict[str, pd.Series]:
    years = pd.cut(test["loan_tenure_months"], [0, 36, 84, 480], labels=["to 3 years", "to 7 years", "over 7 years"])
    income = pd.cut(test["monthly_income"], [-1, 25_000, 60_000, np.inf], labels=["to 25k", "to 60k", "over 60k"])
    return {
        "employment": test["employment_type"].astype(str),
        "tenure": years.astype(str),
        "income": income.astype(str),
    }


def _slices(test: pd.DataFrame, truth: np.ndarray, probabilities: np.ndarray) -> dict[str, dict[str, Any]]:
    """Metrics of parts of the rows; auc is None where a part is small or has one outcome only."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    slices: dict[str, dict[str, Any]] = {}
    for kind, values in _attributes(test).items():
        slices[kind] = {}
        for name in sorted(set(values)):
            part = (values == name).to_numpy()
            y, p = truth[part], probabilities[part]
            rankable = len(y) >= MIN_SLICE_ROWS and 0 < y.sum() < len(y)
            slices[kind][str(name)] = {
                "rows": len(y),
                "default_rate": float(y.mean()),
                "mean_probability": float(p.mean()),
                "auc": float(roc_auc_score(y, p)) if rankable else None,
                "brier": float(brier_score_loss(y, p)),
            }
    return slices
