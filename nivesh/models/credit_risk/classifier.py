"""The model: features in, calibrated probability and exact SHAP contributions out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit

from nivesh.errors import DataError
from nivesh.features.finances import MAX_RATIO, loan_features
from nivesh.models.credit_risk import scorecard

SERVING_THREADS = 1  # a request is a few rows: more threads mostly wait, and requests run side by side

# The model's inputs, and the only direction in which each may move the risk. Gender, region and age are not here:
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

# Columns of an application from which FEATURES follow. REQUIRED ones have no typical value that could replace them.
REQUIRED = ("monthly_income", "existing_emis")
IMPUTED = (
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
        scorecard: the linear part (see ``scorecard.fit``).
        booster: gradient-boosted trees over FEATURES, in log-odds added to the scorecard's.
        slope, intercept: Platt's calibration of the sum of both.
        typical: per column of IMPUTED the training median, and the most frequent employment_type.
        medians: per feature of FEATURES the training median, to tell high values from low ones.
        baseline: logistic regression on the guide's raw columns: columns, mean, scale, coefficients, intercept.
    """

    scorecard: dict[str, Any]
    booster: xgb.Booster
    slope: float
    intercept: float
    typical: dict[str, Any]
    medians: dict[str, float]
    baseline: dict[str, Any]


def impute(row: Mapping[str, Any], typical: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """Columns of applications with missing values replaced by the typical applicant's.

    Args:
        row: columns of equal length; NaN or None is missing, a missing ``debt_to_income`` follows from existing_emis.
        typical: the model's.

    Returns:
        The filled columns, and for each application the names of the columns that were imputed.
    """
    columns = {name: _floats(row[name]) for name in (*REQUIRED, "loan_amount", "loan_tenure_months")}
    assumed: list[list[str]] = [[] for _ in columns["loan_amount"]]
    for name in IMPUTED:
        values = _floats(row[name])
        columns[name] = np.where(np.isnan(values), typical[name], values)
        for i in np.flatnonzero(np.isnan(values)):
            assumed[i].append(name)
    employment = np.array(np.atleast_1d(np.asarray(row["employment_type"], dtype=object)))
    for j, word in enumerate(employment):
        if not isinstance(word, str):
            employment[j] = typical["employment_type"]
            assumed[j].append("employment_type")
    columns["employment_type"] = employment
    given, income = _floats(row["debt_to_income"]), columns["monthly_income"]
    with np.errstate(divide="ignore", invalid="ignore"):
        from_emis = np.where(columns["existing_emis"] > 0, columns["existing_emis"] / income, 0.0)
    columns["debt_to_income"] = np.minimum(np.where(np.isnan(given), from_emis, given), MAX_RATIO)
    return columns, assumed


def feature_matrix(row: Mapping[str, Any]) -> np.ndarray:
    """Filled columns -> array (applications, features) in the order of FEATURES."""
    columns = {**row, **loan_features(row)}
    return np.column_stack([np.asarray(columns[name], dtype=float) for name in FEATURES])


def frame_matrix(model: CreditRisk, frame: pd.DataFrame) -> np.ndarray:
    """Rows of the dataset -> ``feature_matrix``."""
    return feature_matrix(impute(frame, model.typical)[0])


def margin(line: Mapping[str, Any], booster: xgb.Booster, inputs: np.ndarray) -> np.ndarray:
    """Log-odds of scorecard and trees together, not calibrated: (applications,)."""
    return scorecard.margin(line, inputs) + booster.predict(_dmatrix(inputs), output_margin=True).astype(float)


def probability(model: CreditRisk, inputs: np.ndarray) -> np.ndarray:
    """Calibrated probability of default of each row of ``feature_matrix``: (applications,), 0 to 1."""
    return expit(model.slope * margin(model.scorecard, model.booster, inputs) + model.intercept)


def contributions(model: CreditRisk, inputs: np.ndarray) -> np.ndarray:
    """Exact SHAP values (applications, features + 1) of the calibrated log-odds; the last column is the average.

    SHAP values of a sum are the sums of SHAP values: those of the trees come from XGBoost, those of the scorecard
    follow from its coefficients.
    """
    shap = model.booster.predict(_dmatrix(inputs), pred_contribs=True).astype(float)
    shap[:, :-1] += scorecard.contributions(model.scorecard, inputs)
    shap[:, -1] += model.scorecard["intercept"]
    shap *= model.slope
    shap[:, -1] += model.intercept
    return shap


def baseline_probability(model: CreditRisk, frame: pd.DataFrame) -> np.ndarray:
    """The baseline's probability of default for rows of the dataset: (applications,)."""
    baseline = model.baseline
    inputs = frame[baseline["columns"]].to_numpy(dtype=float)
    scaled = (inputs - baseline["mean"]) / baseline["scale"]
    return expit(scaled @ np.array(baseline["coefficients"]) + baseline["intercept"])


def _dmatrix(inputs: np.ndarray) -> xgb.DMatrix:
    return xgb.DMatrix(inputs, feature_names=list(FEATURES), nthread=SERVING_THREADS)


def _floats(values: Any) -> np.ndarray:
    try:
        return np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        raise DataError(f"{values!r} is not a number") from None
