"""A logistic scorecard with signs: the straight-line part of the model, from which the trees start.

Most of what credit data say is close to linear in a few well-shaped features, and trees need many rows to draw a line.
With the line drawn first they only learn what it misses, and the score goes on rising beyond the values seen in training.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

# Feature -> how it enters the line: the bounds beyond which more of it says no more, and whether its logarithm counts.
SHAPES = {
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


def shaped(inputs: np.ndarray) -> np.ndarray:
    """Columns in the order of SHAPES, each within its bounds and on its scale; every shape keeps the order of values."""
    columns = []
    for column, (low, high, logarithm) in zip(inputs.T, SHAPES.values(), strict=True):
        clipped = np.clip(column, low, high)
        columns.append(np.log1p(clipped) if logarithm else clipped)
    return np.column_stack(columns)


def fit(inputs: np.ndarray, label: np.ndarray, signs: np.ndarray, penalty: float = 1.0) -> dict[str, Any]:
    """Penalised logistic regression whose coefficients keep the given signs.

    Args:
        inputs: (rows, features) in the order of SHAPES.
        label: 0 or 1 per row.
        signs: +1 or -1 per feature; a coefficient of the other sign becomes 0.
        penalty: of the squared coefficients, in rows.

    Returns:
        Plain numbers and lists: center, scale, coefficients, intercept.
    """
    from scipy.optimize import minimize

    values = shaped(inputs)
    center, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    z = (values - center) / scale

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = z @ weights[:-1] + weights[-1]
        error = 1 / (1 + np.exp(-margin)) - label
        value = np.logaddexp(0, margin).sum() - label @ margin + 0.5 * penalty * (weights[:-1] ** 2).sum()
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


def parts(line: Mapping[str, Any], inputs: np.ndarray) -> np.ndarray:
    """What each feature adds to the log-odds, against the training mean: (rows, features).

    For a line these are its SHAP values; with the intercept they add up to ``margin``.
    """
    return (shaped(inputs) - line["center"]) / line["scale"] * line["coefficients"]


def margin(line: Mapping[str, Any], inputs: np.ndarray) -> np.ndarray:
    """The scorecard's log-odds of default of each row."""
    return parts(line, inputs).sum(axis=1) + line["intercept"]
