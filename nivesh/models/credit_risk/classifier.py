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
        employment_ranks: risk rank of each employment_type that the model knows, 0 (steady) to 5: the fixed ones of
            ``EMPLOYMENT_RISK``, and words of the training rows (see ``training.learn_employment_ranks``).
        typical: per column of IMPUTED the training median, and the mean "employment_risk", which is neutral.
        medians: per feature of FEATURES the training median, to tell high values from low ones.
        baseline: logistic regression on the guide's raw columns: columns, mean, scale, coefficients, intercept.
    """

    scorecard: dict[str, Any]
    booster: xgb.Booster
    slope: float
    intercept: float
    employment_ranks: dict[str, float]
    typical: dict[str, float]
    medians: dict[str, float]
    baseline: dict[str, Any]


def impute(
    row: Mapping[str, Any], employment_ranks: Mapping[str, float], typical: Mapping[str, float]
) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """Columns of applications with missing values, and unknown employment types, replaced by the typical applicant's.

    Args:
        row: columns of equal length; NaN or None is missing, a missing ``debt_to_income`` follows from existing_emis.
        employment_ranks: the model's.
        typical: the model's.

    Returns:
        The filled columns, and for each application the names of the columns that were imputed.

    Raises:
        DataError: a number is infinite, or one of REQUIRED or of the loan's terms is missing.
    """
    columns = {name: _floats(name, row[name]) for name in (*REQUIRED, "loan_amount", "loan_tenure_months")}
    assumed: list[list[str]] = [[] for _ in columns["loan_amount"]]
    for name in IMPUTED:
        values = _floats(name, row[name], may_be_missing=True)
        columns[name] = np.where(np.isnan(values), typical[name], values)
        for i in np.flatnonzero(np.isnan(values)):
            assumed[i].append(name)
    columns["employment_type"] = np.array(np.atleast_1d(np.asarray(row["employment_type"], dtype=object)))
    ranks = [employment_ranks.get(word, np.nan) for word in columns["employment_type"]]
    columns["employment_risk"] = np.where(np.isnan(ranks), typical["employment_risk"], ranks)
    for j in np.flatnonzero(np.isnan(ranks)):
        assumed[j].append("employment_type")
    given, income = _floats("debt_to_income", row["debt_to_income"], may_be_missing=True), columns["monthly_income"]
    with np.errstate(divide="ignore", invalid="ignore"):
        from_emis = np.where(columns["existing_emis"] > 0, columns["existing_emis"] / income, 0.0)
    columns["debt_to_income"] = np.minimum(np.where(np.isnan(given), from_emis, given), MAX_RATIO)
    return columns, assumed


def feature_matrix(columns: Mapping[str, Any]) -> np.ndarray:
    """Columns as ``impute`` gives them -> array (applications, features) in the order of FEATURES.

    Raises:
        DataError: a feature is NaN or infinite; no such number may reach the model or an answer.
    """
    values = {**loan_features(columns), **columns}
    inputs = np.column_stack([np.asarray(values[name], dtype=float) for name in FEATURES])
    if not np.isfinite(inputs).all():
        row, column = np.argwhere(~np.isfinite(inputs))[0]
        raise DataError(f"application {row + 1}: {list(FEATURES)[column]} is not a finite number; check its columns")
    return inputs


def frame_matrix(model: CreditRisk, frame: pd.DataFrame) -> np.ndarray:
    """Rows of the dataset -> ``feature_matrix``."""
    return feature_matrix(impute(frame, model.employment_ranks, model.typical)[0])


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
    columns = impute(frame, model.employment_ranks, model.typical)[0]
    inputs = np.column_stack([columns[name] for name in baseline["columns"]])
    scaled = (inputs - baseline["mean"]) / baseline["scale"]
    return expit(scaled @ np.array(baseline["coefficients"]) + baseline["intercept"])


def _dmatrix(inputs: np.ndarray) -> xgb.DMatrix:
    return xgb.DMatrix(inputs, feature_names=list(FEATURES), nthread=SERVING_THREADS)


def _floats(name: str, values: Any, may_be_missing: bool = False) -> np.ndarray:
    """A column as finite numbers, or NaN where it may be missing."""
    try:
        column = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        raise DataError(f"{name}: {values!r} is not a number") from None
    bad = np.isinf(column) if may_be_missing else ~np.isfinite(column)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"application {row + 1}: {name} is {column[row]}, not a finite number; correct it")
    return column
