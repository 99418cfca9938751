"""Metrics of monthly forecasts, beside those of naive forecasts on the same months."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error

from nivesh.errors import DataError
from nivesh.features.spending_history import History, histories, parse
from nivesh.models.spending_predictor import backtest
from nivesh.models.spending_predictor.forecast import MonthlyForecast, PopulationParams, interval
from nivesh.models.spending_predictor.inference import SpendingModel, users_of


def evaluate(model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics of the monthly totals of the test rows, all forecast from one date.

    Args:
        model: a fitted model; the users need not have been in its training rows.
        test: transactions to evaluate on, later than ``history``.
        history: earlier transactions of the same users; without it, the last six months of ``test`` are evaluated
            (the last third of a short file) and the months before are the history.

    Raises:
        DataError: no user has a whole month before and a whole month after.
    """
    return metrics(forecasts_and_actuals(model, test, history))


def forecasts_and_actuals(
    model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The rows of ``compare`` of every user with a history; arguments and errors as of ``evaluate``."""
    if history is None:
        cut = backtest.origin(test)
        history, test = test[test["timestamp"] < pd.Timestamp(cut)], test[test["timestamp"] >= pd.Timestamp(cut)]
    else:
        cut = backtest.first_test_day(history, test)
    before = history[history["timestamp"] < pd.Timestamp(cut)]
    actual = backtest.actual_months(test, cut, test["timestamp"].max().date())
    stored = histories(before, cut - timedelta(days=1))
    # A user without one whole month has no naive forecast to compare with.
    stored = {user: features for user, features in stored.items() if user in actual and features["income"]}
    if not stored:
        raise DataError("no user has a whole month before and after the date; evaluate on rows with more months")
    users = users_of(model, stored)
    parts = []
    for user, features in stored.items():
        past = parse(features)
        months = actual[user].iloc[:, : backtest.LONGEST_TEST]
        made = backtest.forecast_actual_months(past, model, users[user].own, months)
        parts.append(compare(past, made, months, model.params, users[user].method).assign(user_id=user))
    return pd.concat(parts, ignore_index=True)


def compare(
    history: History, made: MonthlyForecast, actual: pd.DataFrame, params: PopulationParams, method: str
) -> pd.DataFrame:
    """All forecasts of a user beside the actual amounts: a row per month's total, and per category and month.

    Returns:
        Columns category ("" is the total), horizon (1 = first month), actual, forecast, low, high, seasonal_naive,
        last_month, past_mean, method, sum_inside (whether the sum of all months lies in its interval).
    """
    ahead, skip = actual.shape[1], int(actual.columns[0]) - int(history.months[-1]) - 1
    names = sorted({*history.categories, *actual.index})
    past = pd.DataFrame(history.amounts, index=list(history.categories)).reindex(names, fill_value=0.0).to_numpy()
    spent = actual.reindex(names, fill_value=0.0).to_numpy()
    zeros = np.zeros(len(made.months))
    expected = np.array([made.by_category.get(name, zeros)[:ahead] for name in names])
    # The total comes first: its forecast is evaluated as a total.
    past, spent = np.vstack([past.sum(0), past]), np.vstack([spent.sum(0), spent])
    expected = np.vstack([made.total[:ahead], expected])
    bounds = [interval(made, params, made.total[at], np.eye(len(made.months))[at]) for at in range(ahead)]
    whole = (np.arange(len(made.months)) < ahead).astype(float)
    lowest, highest = interval(made, params, float(made.total[:ahead].sum()), whole)
    low, high = np.full(expected.shape, np.nan), np.full(expected.shape, np.nan)
    low[0], high[0] = zip(*bounds, strict=True)
    columns = {
        "category": np.repeat(["", *names], ahead),
        "horizon": np.tile(np.arange(1 + skip, 1 + skip + ahead), len(expected)),
        "actual": spent.ravel(),
        "forecast": expected.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "seasonal_naive": seasonal_naive(past, ahead, skip).ravel(),
        "last_month": last_month(past, ahead).ravel(),
        "past_mean": past_mean(past, ahead).ravel(),
    }
    return pd.DataFrame(columns).assign(method=method, sum_inside=bool(lowest <= spent[0].sum() <= highest))


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
    """Metrics of the rows of ``compare``: errors in rupees a month, smape (0 to 2), coverage of the 80 % interval.

    ``coverage_sum`` is the coverage of the sum of a user's months, as a request for several months returns it.
    """
    total, parts = compared[compared["category"] == ""], compared[compared["category"] != ""]
    result: dict[str, Any] = {
        "mae": _mae(total),
        "naive_mae": _mae(total, "seasonal_naive"),
        "baseline_mae": _mae(total, "past_mean"),
        "last_month_mae": _mae(total, "last_month"),
        "smape": smape(total["actual"].to_numpy(), total["forecast"].to_numpy()),
        "naive_smape": smape(total["actual"].to_numpy(), total["seasonal_naive"].to_numpy()),
        "baseline_smape": smape(total["actual"].to_numpy(), total["past_mean"].to_numpy()),
        "bias": float((total["forecast"] - total["actual"]).mean()),
        "coverage": _coverage(total),
        "coverage_sum": float(total.groupby("user_id")["sum_inside"].first().mean()),
        "interval_width": float((total["high"] - total["low"]).mean()),
        "category_mae": _mae(parts),
        "naive_category_mae": _mae(parts, "seasonal_naive"),
        "baseline_category_mae": _mae(parts, "past_mean"),
        "last_month_category_mae": _mae(parts, "last_month"),
    }
    result["better_than_naive_pct"] = 100 * (1 - result["mae"] / max(result["naive_mae"], 1e-9))
    result["better_than_baseline_pct"] = 100 * (1 - result["mae"] / max(result["baseline_mae"], 1e-9))
    result["users"] = int(total["user_id"].nunique())
    result["user_months"] = len(total)
    result["per_horizon"] = {
        str(horizon): _errors(rows) | {"coverage": _coverage(rows)} for horizon, rows in total.groupby("horizon")
    }
    result["per_method"] = {
        str(method): _errors(rows) | {"coverage": _coverage(rows), "users": int(rows["user_id"].nunique())}
        for method, rows in total.groupby("method")
    }
    result["per_category"] = {str(name): _errors(rows) for name, rows in parts.groupby("category")}
    return result


def _mae(rows: pd.DataFrame, column: str = "forecast") -> float:
    return float(mean_absolute_error(rows["actual"], rows[column])) if len(rows) else 0.0


def _coverage(rows: pd.DataFrame) -> float:
    return float(rows["actual"].between(rows["low"], rows["high"]).mean())


def _errors(rows: pd.DataFrame) -> dict[str, Any]:
    return {"mae": _mae(rows), "naive_mae": _mae(rows, "seasonal_naive"), "months": len(rows)}
