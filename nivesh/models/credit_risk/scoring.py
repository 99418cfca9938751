"""The model: features in, calibrated probability and exact SHAP contributions out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from nivesh.errors import BundleError, DataError
from nivesh.features.finances import MAX_RATIO, loan_features
from nivesh.models.credit_risk import scorecard

FORMAT = 1
SERVING_THREADS = 1  # a request is a few rows; more threads only wake up to wait, and requests run side by side

# What is learned from, and the only direction in which each may move the risk. Gender, region and age are not here:
# gender and region would let one group pay for another's past; age adds next to nothing once income, stability and
# debts are known, and refusing by age is hard to justify to a borrower.
FEATURES = {
    "debt_to_income": +1,
    "emi_to_income": +1,
    "obligations_to_income": +1,
    "loan_to_annual_income": +1,
    "existing_loan_count": +1,
    "credit_utilization": +1,
    "employment_risk": +1,
    "monthly_income": -1,
    "income_stability": -1,
    "on_time_payment_pct": -1,
    "emergency_fund_months": -1,
    "buffer_months_after_emi": -1,
}

# Columns of an application from which FEATURES follow. The first two have no typical value that could stand for them.
NEEDED = ("monthly_income", "existing_emis")
TYPICAL = (
    "income_stability",
    "existing_loan_count",
    "on_time_payment_pct",
    "emergency_fund_months",
    "credit_utilization",
)


@dataclass(frozen=True)
class CreditRisk:
    """A fitted model.

    Attributes:
        line: the scorecard from which the trees start (see ``scorecard.fit``).
        booster: gradient-boosted trees over FEATURES, in log-odds added to the scorecard's.
        slope, intercept: Platt's calibration of the sum of both.
        typical: per column of TYPICAL the training median, and the most frequent employment_type.
        medians: per feature of FEATURES the training median, to say what is high and what is low.
        baseline: logistic regression on the guide's raw columns: columns, mean, scale, coefficients, intercept.
    """

    line: dict[str, Any]
    booster: xgb.Booster
    slope: float
    intercept: float
    typical: dict[str, Any]
    medians: dict[str, float]
    baseline: dict[str, Any]


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Applications with the features of their loans added (see ``loan_features``); every row by itself."""
    return frame.assign(**loan_features(frame))


def fill(row: Mapping[str, Any], typical: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """Columns of applications with what is missing replaced by the typical applicant's.

    Args:
        row: columns; NaN or None is missing, a missing ``debt_to_income`` follows from existing_emis.
        typical: the model's.

    Returns:
        The filled columns, and for each application the names of those that were assumed.
    """
    columns = {name: _numbers(row[name]) for name in (*NEEDED, "loan_amount", "loan_tenure_months")}
    assumed: list[list[str]] = [[] for _ in columns["loan_amount"]]
    for name in TYPICAL:
        values = _numbers(row[name])
        columns[name] = np.where(np.isnan(values), typical[name], values)
        for i in np.flatnonzero(np.isnan(values)):
            assumed[i].append(name)
    work = np.array(np.atleast_1d(np.asarray(row["employment_type"], dtype=object)))
    for i, name in enumerate(work):
        if not isinstance(name, str):
            work[i] = typical["employment_type"]
            assumed[i].append("employment_type")
    columns["employment_type"] = work
    given, income = _numbers(row["debt_to_income"]), columns["monthly_income"]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(columns["existing_emis"] > 0, columns["existing_emis"] / income, 0.0)
    columns["debt_to_income"] = np.minimum(np.where(np.isnan(given), own, given), MAX_RATIO)
    return columns, assumed


def matrix(row: Mapping[str, Any]) -> np.ndarray:
    """Filled columns -> array (applications, features) in the order of FEATURES."""
    every = {**row, **loan_features(row)}
    return np.column_stack([np.asarray(every[name], dtype=float) for name in FEATURES])


def margin(line: Mapping[str, Any], booster: xgb.Booster, inputs: np.ndarray) -> np.ndarray:
    """Log-odds of scorecard and trees together, not calibrated."""
    return scorecard.margin(line, inputs) + booster.predict(_data(inputs), output_margin=True).astype(float)


def probability(model: CreditRisk, inputs: np.ndarray) -> np.ndarray:
    """Calibrated probability of default of each row of ``matrix``."""
    return 1 / (1 + np.exp(-(model.slope * margin(model.line, model.booster, inputs) + model.intercept)))


def contributions(model: CreditRisk, inputs: np.ndarray) -> np.ndarray:
    """Exact SHAP values (applications, features + 1) of the calibrated log-odds; the last column is the average.

    SHAP values of a sum are the sums of SHAP values: those of the trees come from XGBoost, those of the line follow
    from its coefficients.
    """
    shap = model.booster.predict(_data(inputs), pred_contribs=True).astype(float)
    shap[:, :-1] += scorecard.parts(model.line, inputs)
    shap[:, -1] += model.line["intercept"]
    shap *= model.slope
    shap[:, -1] += model.intercept
    return shap


def frame_matrix(model: CreditRisk, frame: pd.DataFrame) -> np.ndarray:
    """Rows of the dataset -> ``matrix``."""
    return matrix(fill(frame, model.typical)[0])


def baseline_probability(model: CreditRisk, frame: pd.DataFrame) -> np.ndarray:
    """What the baseline says of the same rows."""
    line = model.baseline
    inputs = frame[line["columns"]].to_numpy(dtype=float)
    z = (inputs - line["mean"]) / line["scale"] @ np.array(line["coefficients"]) + line["intercept"]
    return 1 / (1 + np.exp(-z))


def save(model: CreditRisk, folder: Path) -> None:
    """Write the trees as XGBoost's own JSON and everything else as one JSON file."""
    model.booster.save_model(Path(folder) / "booster.json")
    content = {
        "format": FORMAT,
        "features": list(FEATURES),
        "calibration": {"method": "platt", "slope": model.slope, "intercept": model.intercept},
        "line": model.line,
        "typical": model.typical,
        "medians": model.medians,
        "baseline": model.baseline,
    }
    (Path(folder) / "model.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def load(folder: Path) -> CreditRisk:
    """Read what ``save`` wrote.

    Raises:
        BundleError: a file is missing, or was written for other features than this code computes.
    """
    folder = Path(folder)
    try:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        booster = xgb.Booster(model_file=folder / "booster.json")
    except (OSError, ValueError, xgb.core.XGBoostError) as error:
        raise BundleError(f"{folder}: not a saved credit_risk model ({error})") from None
    if content.get("format") != FORMAT or content.get("features") != list(FEATURES):
        raise BundleError(f"{folder}: saved with other features than this version computes; train the model again")
    booster.set_param({"nthread": SERVING_THREADS})
    calibration = content["calibration"]
    return CreditRisk(
        line=content["line"],
        booster=booster,
        slope=calibration["slope"],
        intercept=calibration["intercept"],
        typical=content["typical"],
        medians=content["medians"],
        baseline=content["baseline"],
    )


def _data(inputs: np.ndarray) -> xgb.DMatrix:
    return xgb.DMatrix(inputs, feature_names=list(FEATURES), nthread=SERVING_THREADS)


def _numbers(values: Any) -> np.ndarray:
    try:
        return np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        raise DataError(f"{values!r} is not a number") from None
