"""How far forecasts miss whole months, beside the forecasts that cost nothing."""

from datetime import date

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import History
from nivesh.models.spending_predictor import forecast

LONGEST = 12


def seasonal_naive(amounts: np.ndarray, ahead: int, skip: int = 0) -> np.ndarray:
    """The same month of the last year where the history has it, else its last month.

    Args:
        amounts: series × months.
        ahead: months to forecast.
        skip: months between the history and the first of them.
    """
    months = amounts.shape[1]
    pick = [(months + at - 12) if 0 <= months + at - 12 < months else months - 1 for at in range(skip, skip + ahead)]
    return amounts[:, pick]


def last_month(amounts: np.ndarray, ahead: int) -> np.ndarray:
    return np.repeat(amounts[:, -1:], ahead, axis=1)


def past_mean(amounts: np.ndarray, ahead: int) -> np.ndarray:
    """The mean of the last year's months."""
    return np.repeat(amounts[:, -12:].mean(1, keepdims=True), ahead, axis=1)


def smape(actual: np.ndarray, guess: np.ndarray) -> float:
    """Mean of |error| over the mean of both values; 0 is exact, 2 the worst; 0 for two zeros."""
    size = (np.abs(actual) + np.abs(guess)) / 2
    return float(np.mean(np.where(size > 0, np.abs(actual - guess) / np.maximum(size, 1e-9), 0.0)))


def cases(history: History, look: forecast.Outlook, actual: pd.DataFrame, common: forecast.Common, method: str):
    """One row for each month's total and one for each category and month, with all forecasts beside the fact.

    Returns:
        Columns category ("" is the total), horizon (1 = first month), actual, forecast, low, high, seasonal_naive,
        last_month, past_mean, method, sum_inside (whether the sum of all months lies in its interval).
    """
    actual = actual.iloc[:, :LONGEST]
    ahead, skip = actual.shape[1], int(actual.columns[0]) - int(history.months[-1]) - 1
    names = sorted({*history.categories, *actual.index})
    past = pd.DataFrame(history.amounts, index=list(history.categories)).reindex(names, fill_value=0.0).to_numpy()
    fact = actual.reindex(names, fill_value=0.0).to_numpy()
    nothing = np.zeros(len(look.months))
    guess = np.array([look.by_category.get(name, nothing)[:ahead] for name in names])
    # Sums first: the forecast of a total is judged as a total.
    past, fact = np.vstack([past.sum(0), past]), np.vstack([fact.sum(0), fact])
    guess = np.vstack([look.total[:ahead], guess])
    bounds = [forecast.interval(look, common, look.total[at], np.eye(len(look.months))[at]) for at in range(ahead)]
    span = (np.arange(len(look.months)) < ahead).astype(float)
    least, most = forecast.interval(look, common, float(look.total[:ahead].sum()), span)
    missing = np.full(guess.shape, np.nan)
    low, high = missing.copy(), missing.copy()
    low[0], high[0] = zip(*bounds, strict=True)
    columns = {
        "category": np.repeat(["", *names], ahead),
        "horizon": np.tile(np.arange(1 + skip, 1 + skip + ahead), len(guess)),
        "actual": fact.ravel(),
        "forecast": guess.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "seasonal_naive": seasonal_naive(past, ahead, skip).ravel(),
        "last_month": last_month(past, ahead).ravel(),
        "past_mean": past_mean(past, ahead).ravel(),
    }
    return pd.DataFrame(columns).assign(method=method, sum_inside=bool(least <= fact[0].sum() <= most))


def metrics(judged: pd.DataFrame) -> dict:
    """Numbers of the rows of ``cases``: errors in rupees a month, smape (0 to 2), coverage of the 80 % interval.

    ``coverage_sum`` is that of the sum of a user's judged months, which a request for several months asks for.
    """
    total, parts = judged[judged["category"] == ""], judged[judged["category"] != ""]
    result = {
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
        str(h): _short(part) | {"coverage": _coverage(part)} for h, part in total.groupby("horizon")
    }
    result["per_method"] = {
        method: _short(part) | {"coverage": _coverage(part), "users": int(part["user_id"].nunique())}
        for method, part in total.groupby("method")
    }
    result["per_category"] = {name: _short(part) for name, part in parts.groupby("category")}
    return result


def _mae(rows: pd.DataFrame, column: str = "forecast") -> float:
    return float((rows["actual"] - rows[column]).abs().mean())


def _coverage(rows: pd.DataFrame) -> float:
    return float(((rows["actual"] >= rows["low"]) & (rows["actual"] <= rows["high"])).mean())


def _short(rows: pd.DataFrame) -> dict:
    return {"mae": _mae(rows), "naive_mae": _mae(rows, "seasonal_naive"), "months": len(rows)}


def origin(test: pd.DataFrame) -> date:
    """Where rows given without a history are cut: six months before their end, the last third of a short file.

    Raises:
        DataError: less than three months.
    """
    first, last = test["timestamp"].min(), test["timestamp"].max()
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months < 3:
        raise DataError(f"{months} months are too few to judge forecasts by; give three months or more")
    held = min(6, months // 3)
    return ((last + pd.Timedelta(days=3)).to_period("M") - held).to_timestamp().date()


def begin(history: pd.DataFrame, test: pd.DataFrame) -> date:
    """The first day that is judged: the month's first, unless rows of that month belong to the history."""
    first, before = test["timestamp"].min(), history["timestamp"].max()
    return first.date().replace(day=1) if before < first.to_period("M").to_timestamp() else first.date()
