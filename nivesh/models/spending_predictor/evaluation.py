"""Metrics of monthly forecasts, beside those of naive forecasts on the same months."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from nivesh.errors import DataError
from nivesh.features.spending_history import History, first_day
from nivesh.models.spending_predictor.backtest import (
    Holdout,
    first_test_day,
    forecast_actual_months,
    holdout,
    origin,
)
from nivesh.models.spending_predictor.forecast import MonthlyForecast, method
from nivesh.models.spending_predictor.inference import SpendingModel
from nivesh.models.spending_predictor.intervals import (
    MAX_MONTHS,
    QUANTILES,
    IntervalTable,
    month_bounds,
    sum_bounds,
)
from nivesh.models.spending_predictor.stray_dates import without_stray_dates

ROW_UNIT = "users, or months of a single one"
BOUNDS = ("lower_95", "lower", "upper", "upper_95")


def evaluate(model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics of the test rows: all months forecast from one date, and ``rolling``, from the start of each month.

    Args:
        model: a fitted model; the users need not have been in its training rows.
        test: transactions to evaluate on, later than ``history``.
        history: earlier transactions of the same users; without it, the last six months of ``test`` are evaluated
            (the last third of a short file) and the months before are the history.

    Raises:
        DataError: no user has a whole month before and a whole month after.
    """
    dates = holdouts(model, test, history)
    compared = compare_users(model, dates[0])
    totals = [compared] + [compare_users(model, held_out) for held_out in dates[1:]]
    rolling = pd.concat([rows[rows["category"] == ""] for rows in totals])
    return metrics(compared) | {"rolling": {"dates": len(dates)} | _errors(rolling) | _by_horizon(rolling)}


def per_row(model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """(sum of the absolute errors in rupees, months) of each user's monthly totals, of shape (users, 2); of a
    single user, of each month.

    A user's months depend on each other: a forecast that is too high is so in all of them.
    """
    compared = compare_users(model, holdouts(model, test, history)[0])
    total = compared[compared["category"] == ""]
    errors = pd.DataFrame({"error": (total["forecast"] - total["actual"]).abs(), "months": 1.0})
    by_user = errors if total["user_id"].nunique() == 1 else errors.groupby(total["user_id"]).sum()
    return by_user.to_numpy(float)


def primary_metric(rows: np.ndarray) -> float:
    """The mean absolute error of rows as ``per_row`` gives them, rupees a month."""
    error, months = rows.sum(axis=0)
    return float(error / months) if months else float("nan")


def holdouts(model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None = None) -> list[Holdout]:
    """The test rows seen from their first day, and from the start of each later month; arguments as of ``evaluate``."""
    rows = without_stray_dates(test if history is None else pd.concat([history, test], ignore_index=True))
    first = origin(rows) if history is None else first_test_day(history, test)
    if model.user_id != "all":
        rows = rows[rows["user_id"] == model.user_id]
    made = []
    for cut in _starts_of_months(first, rows["timestamp"].max().date() if len(rows) else first):
        early = rows["timestamp"] < pd.Timestamp(cut)
        made.append(holdout(rows[early], rows[~early], cut))
    if not made[0].histories:
        raise DataError("no user has a whole month before and after the date; evaluate on rows with more months")
    return [held_out for held_out in made if held_out.histories]


def _starts_of_months(first: date, last: date) -> list[date]:
    after = first.year * 12 + first.month
    return [first, *(first_day(month) for month in range(after, last.year * 12 + last.month))][:MAX_MONTHS]


def compare_users(model: SpendingModel, held_out: Holdout) -> pd.DataFrame:
    """The rows of ``compare`` of all users, with their ``user_id``."""
    parts = []
    for user, history in held_out.histories.items():
        actual = held_out.actual[user].iloc[:, :MAX_MONTHS]
        made = forecast_actual_months(history, model.seasonality, model.params, actual)
        parts.append(compare(history, made, actual, model.params.intervals).assign(user_id=user))
    return pd.concat(parts, ignore_index=True)


def compare(history: History, made: MonthlyForecast, actual: pd.DataFrame, table: IntervalTable) -> pd.DataFrame:
    """All forecasts of a user beside the actual amounts: a row per month's total, and per category and month.

    Returns:
        Columns category ("" is the total), horizon (1 = first month), actual, forecast, lower_95, lower, upper,
        upper_95, seasonal_naive, last_month, past_mean, method, sum_inside (whether the sum of all months lies in its
        80 % interval).
    """
    ahead, skip = actual.shape[1], int(actual.columns[0]) - int(history.months[-1]) - 1
    names = sorted({*history.categories, *actual.index})
    past = pd.DataFrame(history.amounts, index=list(history.categories)).reindex(names, fill_value=0.0).to_numpy()
    spent = actual.reindex(names, fill_value=0.0).to_numpy()
    zeros = np.zeros(len(made.months))
    expected = np.array([made.by_category.get(name, zeros)[:ahead] for name in names]).reshape(len(names), ahead)
    # The total comes first: its forecast is evaluated as a total.
    past, spent = np.vstack([past.sum(0), past]), np.vstack([spent.sum(0), spent])
    expected = np.vstack([made.total[:ahead], expected])
    months = [month_bounds(table, made.total[at], made.spread[at], skip + at + 1) for at in range(ahead)]
    whole = sum_bounds(table, float(made.total[:ahead].sum()), made.spread[:ahead], np.ones(ahead))
    columns = {
        "category": np.repeat(["", *names], ahead),
        "horizon": np.tile(np.arange(1 + skip, 1 + skip + ahead), len(expected)),
        "actual": spent.ravel(),
        "forecast": expected.ravel(),
        "seasonal_naive": seasonal_naive(past, ahead, skip).ravel(),
        "last_month": last_month(past, ahead).ravel(),
        "past_mean": past_mean(past, ahead).ravel(),
    }
    for name in BOUNDS:
        columns[name] = np.full(expected.size, np.nan)
        columns[name][:ahead] = [getattr(bounds, name) for bounds in months]
    inside = bool(whole.lower <= spent[0].sum() <= whole.upper)
    return pd.DataFrame(columns).assign(method=method(history), sum_inside=inside)


def seasonal_naive(amounts: np.ndarray, ahead: int, skip: int = 0) -> np.ndarray:
    """The same month of the last year where the history has it, else its last month.

    Args:
        amounts: rupees, series × months.
        ahead: months to forecast.
        skip: months between the history and the first of them.
    """
    months = amounts.shape[1]
    pick = [(months + at - 12) if 0 <= months + at - 12 < months else months - 1 for at in range(skip, skip + ahead)]
    return amounts[:, pick]


def last_month(amounts: np.ndarray, ahead: int) -> np.ndarray:
    """The last month repeated; arguments as of ``seasonal_naive``."""
    return np.repeat(amounts[:, -1:], ahead, axis=1)


def past_mean(amounts: np.ndarray, ahead: int) -> np.ndarray:
    """The mean of the last twelve months, repeated; arguments as of ``seasonal_naive``."""
    return np.repeat(amounts[:, -12:].mean(1, keepdims=True), ahead, axis=1)


def smape(actual: np.ndarray, expected: np.ndarray) -> float:
    """Symmetric mean absolute percentage error, 0 (exact) to 2; two zeros count as exact."""
    size = (np.abs(actual) + np.abs(expected)) / 2
    return float(np.mean(np.where(size > 0, np.abs(actual - expected) / np.maximum(size, 1e-9), 0.0)))


def metrics(compared: pd.DataFrame) -> dict[str, Any]:
    """Metrics of the rows of ``compare``: errors in rupees a month, smape (0 to 2), coverage of the intervals.

    ``coverage_sum`` is the coverage of the sum of a user's months, as a request for several months returns it;
    ``pinball`` the mean pinball loss of the bounds at 2.5, 10, 90 and 97.5 % in rupees.
    """
    total, parts = compared[compared["category"] == ""], compared[compared["category"] != ""]
    naive = {"naive": "seasonal_naive", "baseline": "past_mean", "last_month": "last_month"}
    result: dict[str, Any] = {"mae": _mae(total), "smape": _smape(total), "category_mae": _mae(parts)}
    for name, column in naive.items():
        result[f"{name}_mae"] = _mae(total, column)
        result[f"{name}_smape"] = _smape(total, column)
        result[f"{name}_category_mae"] = _mae(parts, column)
    result |= {
        "bias": float((total["forecast"] - total["actual"]).mean()),
        "coverage": _coverage(total, "lower", "upper"),
        "coverage_95": _coverage(total, "lower_95", "upper_95"),
        "coverage_sum": float(total.groupby("user_id")["sum_inside"].first().mean()),
        "interval_width": float((total["upper"] - total["lower"]).mean()),
        "pinball": _pinball(total),
        "better_than_naive_pct": 100 * (1 - result["mae"] / max(result["naive_mae"], 1e-9)),
        "better_than_baseline_pct": 100 * (1 - result["mae"] / max(result["baseline_mae"], 1e-9)),
        "users": int(total["user_id"].nunique()),
        "user_months": len(total),
        "per_method": {
            str(name): _errors(rows) | {"users": int(rows["user_id"].nunique())}
            for name, rows in total.groupby("method")
        },
        "per_category": {
            str(name): {"mae": _mae(rows), "naive_mae": _mae(rows, "seasonal_naive"), "months": len(rows)}
            for name, rows in parts.groupby("category")
        },
    }
    return result | _by_horizon(total)


def _by_horizon(total: pd.DataFrame) -> dict[str, Any]:
    return {"per_horizon": {str(horizon): _errors(rows) for horizon, rows in total.groupby("horizon")}}


def _errors(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "mae": _mae(rows),
        "naive_mae": _mae(rows, "seasonal_naive"),
        "coverage": _coverage(rows, "lower", "upper"),
        "coverage_95": _coverage(rows, "lower_95", "upper_95"),
        "pinball": _pinball(rows),
        "months": len(rows),
    }


def _mae(rows: pd.DataFrame, column: str = "forecast") -> float:
    return float(mean_absolute_error(rows["actual"], rows[column])) if len(rows) else 0.0


def _smape(rows: pd.DataFrame, column: str = "forecast") -> float:
    return smape(rows["actual"].to_numpy(), rows[column].to_numpy())


def _coverage(rows: pd.DataFrame, lower: str, upper: str) -> float:
    return float(rows["actual"].between(rows[lower], rows[upper]).mean())


def _pinball(rows: pd.DataFrame) -> float:
    losses = [
        mean_pinball_loss(rows["actual"], rows[bound], alpha=quantile)
        for bound, quantile in zip(BOUNDS, QUANTILES, strict=True)
    ]
    return float(np.mean(losses))
