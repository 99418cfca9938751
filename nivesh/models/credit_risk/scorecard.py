"""A logistic scorecard with given signs: the linear part of the model, to which the trees add.

Most of the signal in credit data is close to linear in a few well-transformed features, and trees need many rows to
approximate a line. With the line fitted first, trees only learn what it misses, and the score keeps rising beyond the
values seen in training.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

# Feature -> how it enters the line: (lower bound, upper bound, logarithm); values are clipped to the bounds.
TRANSFORMS = {
    "debt_to_income": (0, 2, False),
    "emi_to_income": (0, 2, False),
    "obligations_to_income": (0, 2, False),
    "loan_to_annual_income": (0, 8, False),
    "existing_loan_count": (0, 8, False),
    "credit_utilization": (0, 2, False),
    "employment_risk": (0, 5, False),
    "monthly_income": (1_000, 1e9, True),
    "income_stability": (0, 1, False),
    "on_time_payment_pct": (0, 100, False),
    "emergency_fund_months": (0, 120, True),
    "buffer_months_after_emi": (0, 120, True),
}


def transform(inputs: np.ndarray) -> np.ndarray:
    """(rows, features) in the order of TRANSFORMS, clipped and scaled; every transform is monotone."""
    columns = []
    for column, (low, high, logarithm) in zip(inputs.T, TRANSFORMS.values(), strict=True):
        clipped = np.clip(column, low, high)
        columns.append(np.log1p(clipped) if logarithm else clipped)
    return np.column_stack(columns)


def fit(inputs: np.ndarray, label: np.ndarray, signs: np.ndarray, penalty: float = 1.0) -> dict[str, Any]:
    """Ridge-penalised logistic regression whose coefficients keep the given signs.

    scikit-learn's logistic regression has no bounds on coefficients, hence SciPy's L-BFGS-B.

    Args:
        inputs: (rows, features) in the order of TRANSFORMS.
        label: (rows,) of 0 and 1.
        signs: (features,) of +1 and -1; a coefficient of the other sign becomes 0.
        penalty: half of the factor of the squared coefficients, in rows.

    Returns:
        Plain numbers and lists: center, scale, coefficients, intercept.
    """
    from scipy.optimize import minimize

    values = transform(inputs)
    center, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    z = (values - center) / scale

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        log_odds = z @ weights[:-1] + weights[-1]
        error = expit(log_odds) - label
        value = np.logaddexp(0, log_odds).sum() - label @ log_odds + 0.5 * penalty * (weights[:-1] ** 2).sum()
        return value, np.append(z.T @ error + penalty * weights[:-1], error.sum())

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in signs] + [(None, None)]
    start = np.append(0.1 * signs, np.log(label.mean() / (1 - label.mean())))
    weights = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return {
        "center": center.tolist(),
        "scale": scale.tolist(),
        "coefficients": weights[:-1].tolist(),
        "intercept": float(weights[-1]),
    }


def contributions(line: Mapping[str, Any], inputs: np.ndarray) -> np.ndarray:
    """What each feature adds to the log-odds, relative to the training mean: (rows, features).

    For a linear model these are its SHAP values; with the intercept they add up to ``margin``.
    """
    return (transform(inputs) - line["center"]) / line["scale"] * line["coefficients"]


def margin(line: Mapping[str, Any], inputs: np.ndarray) -> np.ndarray:
    """The scorecard's log-odds of default of each row: (rows,)."""
    return contributions(line, inputs).sum(axis=1) + line["intercept"]
