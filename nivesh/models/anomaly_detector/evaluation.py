"""Detection and false alarms: on labelled anomalies where there are enough, else on injected synthetic ones."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.behaviour import FEATURES
from nivesh.models.anomaly_detector.inference import Detector, with_features
from nivesh.models.anomaly_detector.synthetic_anomalies import inject

ROW_UNIT = "users, or anomalies of a single one"
HISTORY_SLICES = ((0, 20), (20, 100), (100, 500), (500, None))
MIN_LABELLED = (
    10  # labelled anomalies below which a rate is not measured on them: its 95 % interval is 0.3 wide or more
)
INJECTED, MAX_INJECTED_SHARE, INJECTION_SEED = 400, 0.05, 92_317  # of rows to inject; the seed is none of training's
Z_95 = 1.959964


class EvaluationRows(NamedTuple):
    """Rows to score.

    Attributes:
        rows: with ``FEATURES``.
        is_anomaly: (rows,) labelled, or injected.
        kinds: (rows,) kind of anomaly, "" for ordinary rows and where unknown.
        evaluated_on: what the anomalies are, in words.
    """

    rows: pd.DataFrame
    is_anomaly: np.ndarray
    kinds: np.ndarray
    evaluated_on: str


def evaluate(model: Detector, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics, with those of the baseline (z-score of the user's amounts) on the same rows.

    With fewer than ``MIN_LABELLED`` labelled anomalies the metrics are those of synthetic anomalies of known kinds that
    are injected into the rows (``evaluated_on`` says so); what was found of the labelled ones stands in ``labelled``.

    Args:
        model: the detector.
        test: rows of ``build_features``, or checked transactions.
        history: earlier rows.

    Returns:
        detection_rate (recall) with its 95 % interval, false_positive_rate, precision, average_precision, the same of
        the baseline, per_kind, slices by length of the history.

    Raises:
        DataError: all rows are labelled as anomalies, or users have too few debits to inject anomalies.
    """
    labels = _labels(test)
    rows, truth, kinds, evaluated_on = evaluation_rows(test, history)
    scores = model.score(rows[list(FEATURES)].to_numpy())
    flagged, baseline_scores = scores > model.threshold, baseline(rows)
    result: dict[str, Any] = binary_metrics(flagged, scores, truth)
    of_baseline = binary_metrics(baseline_scores > model.baseline_threshold, baseline_scores, truth)
    result |= {f"baseline_{name}": value for name, value in of_baseline.items()}
    result |= dict(zip(("detection_rate_low", "detection_rate_high"), interval(flagged[truth]), strict=True))
    result |= {"rows": len(rows), "anomalies": int(truth.sum()), "users": int(rows["user_id"].nunique())}
    result |= {"threshold": model.threshold, "evaluated_on": evaluated_on}
    if 0 < labels.sum() < MIN_LABELLED:
        result["labelled"] = _labelled_metrics(model, test[labels], with_features(test, history))
    result["per_kind"] = {kind: _share(flagged[truth & (kinds == kind)]) for kind in sorted(set(kinds[truth]) - {""})}
    result["slices"] = _by_history(rows["history"].to_numpy(), flagged, truth)
    return result


def per_row(model: Detector, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """(anomalies, those found) of each user who has any, of shape (users, 2); of a single user, of each anomaly.

    A user's anomalies come in bursts and against one past, so users are what is independent.
    """
    rows, truth, _, _ = evaluation_rows(test, history)
    rows, truth = rows[truth], truth[truth]
    flagged = model.score(rows[list(FEATURES)].to_numpy()) > model.threshold
    counts = pd.DataFrame({"anomalies": truth, "found": flagged}, index=rows["user_id"].to_numpy()).astype(float)
    return (counts if counts.index.nunique() == 1 else counts.groupby(level=0).sum()).to_numpy()


def primary_metric(rows: np.ndarray) -> float:
    """The detection rate of rows as ``per_row`` gives them; NaN without anomalies."""
    anomalies, found = rows.sum(axis=0)
    return float(found / anomalies) if anomalies else float("nan")


def evaluation_rows(test: pd.DataFrame, history: pd.DataFrame | None = None) -> EvaluationRows:
    """The rows with their anomalies: the labelled ones where there are enough, else injected ones.

    Raises:
        DataError: as of ``evaluate``.
    """
    labels = _labels(test)
    if labels.all():
        raise DataError("every row is labelled as an anomaly: ordinary rows (is_anomaly 0) are needed to evaluate")
    if labels.sum() >= MIN_LABELLED:
        rows = with_features(test, history)
        kinds = rows["anomaly_kind"].fillna("").astype(str).to_numpy() if "anomaly_kind" in rows else _empty(len(rows))
        return EvaluationRows(rows, _labels(rows), kinds, "labelled anomalies")
    plain = test.drop(columns=list(FEATURES), errors="ignore")
    share = min(INJECTED / len(plain), MAX_INJECTED_SHARE)
    mixed = inject(plain, share, INJECTION_SEED)
    kinds = mixed["synthetic_kind"].to_numpy()
    if not (kinds != "").any():
        raise DataError(
            "too few debits by user to inject anomalies for an evaluation; give more transactions, or labels"
        )
    mixed = mixed[~(_labels(mixed) & (kinds == ""))]  # what is labelled is no ordinary row
    if history is not None:
        history = history[history["user_id"].isin(plain["user_id"])].drop(columns=list(FEATURES), errors="ignore")
    rows = with_features(mixed, history)
    kinds = rows["synthetic_kind"].to_numpy()
    known = f"{labels.sum()} labelled" if labels.any() else "none labelled"
    measured_on = (
        f"injected synthetic anomalies ({known}): kinds that training knows, real ones may be found less often"
    )
    return EvaluationRows(rows, kinds != "", kinds, measured_on)


def baseline(rows: pd.DataFrame) -> np.ndarray:
    """The z-score of the amount against the user's own payments."""
    return rows["amount_user"].to_numpy()


def binary_metrics(flagged: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Detection rate (recall), false-positive rate, precision and average precision.

    Args:
        flagged: (rows,) bool, what the detector calls an anomaly.
        scores: (rows,) higher is more anomalous.
        truth: (rows,) bool.
    """
    from sklearn.metrics import average_precision_score

    return {
        "detection_rate": _share(flagged[truth]),
        "false_positive_rate": _share(flagged[~truth]),
        "precision": _share(truth[flagged]) if flagged.any() else 0.0,
        "average_precision": float(average_precision_score(truth, scores)),
    }


def interval(hits: np.ndarray) -> tuple[float, float]:
    """Wilson's 95 % interval of the share of True."""
    n, p = len(hits), hits.mean()
    center = (p + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * np.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n**2))
    return float(max(center - half, 0.0)), float(min(center + half, 1.0))


def _labels(rows: pd.DataFrame) -> np.ndarray:
    return (rows["is_anomaly"] == 1).to_numpy() if "is_anomaly" in rows else np.zeros(len(rows), bool)


def _empty(length: int) -> np.ndarray:
    return np.full(length, "", dtype=object)


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def _labelled_metrics(model: Detector, labelled: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float]:
    """What was found of a handful of labelled anomalies, among the real rows only."""
    flagged = model.score(rows[list(FEATURES)].to_numpy()) > model.threshold
    hits = flagged[_labels(rows)]
    low, high = interval(hits)
    return {
        "anomalies": len(labelled),
        "detection_rate": _share(hits),
        "detection_rate_low": low,
        "detection_rate_high": high,
    }


def _by_history(history: np.ndarray, flagged: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, float]]:
    slices = {}
    for low, high in HISTORY_SLICES:
        within = (history >= low) & (history < (high or np.inf))
        if within.any():
            part: dict[str, float] = {"rows": int(within.sum()), "anomalies": int((within & truth).sum())}
            for name, chosen in (("false_positive_rate", within & ~truth), ("detection_rate", within & truth)):
                if chosen.any():
                    part[name] = _share(flagged[chosen])
            slices[f"history_{low}_to_{high}" if high else f"history_from_{low}"] = part
    return slices
