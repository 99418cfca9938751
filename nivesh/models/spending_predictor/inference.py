"""Forecasts from the stored monthly history, and the model as a folder of JSON files. Needs neither Prophet nor Stan."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import History, first_day, histories, parse
from nivesh.models.spending_predictor.forecast import PopulationParams, forecast, method, window
from nivesh.models.spending_predictor.intervals import Bounds, IntervalTable, month_bounds, sum_bounds
from nivesh.models.spending_predictor.seasonality import SeasonalCurve, SharedSeasonality, festivals_between
from nivesh.models.spending_predictor.stray_dates import without_stray_dates
from nivesh.models.spending_predictor.user_level import LevelPriors

EVERYBODY = "all"
MAX_AMOUNT = 1e15  # rupees; thrice the yearly product of India


@dataclass(frozen=True)
class SpendingModel:
    """A fitted spending predictor. It holds nobody's history.

    Attributes:
        seasonality, params: what was learned from all users, and holds for unknown users too.
        last: last day of the training rows.
        horizon: longest forecast in days.
        user_id: the one user that it forecasts, or "all".
    """

    seasonality: SharedSeasonality
    params: PopulationParams
    last: date
    horizon: int
    user_id: str = EVERYBODY

    def covers(self, user_id: str) -> bool:
        """Whether it forecasts this user."""
        return self.user_id in (EVERYBODY, user_id)


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows themselves: monthly totals depend on where the forecast starts, so they are computed there."""
    return frame


def predict(model: SpendingModel, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One ``Answer`` as a dict per request.

    Args:
        model: a fitted model.
        requests: ``Request`` as a dict, with the user's ``features`` of the feature store.

    Raises:
        UserNotFound: the user has no features, or the model was trained for another user.
        DataError: the horizon is longer than the model's, or the stored history cannot be used.
    """
    return [_answer(model, request) for request in requests]


def _answer(model: SpendingModel, request: dict[str, Any]) -> dict[str, Any]:
    user_id, days = request["user_id"], request["horizon_days"]
    if days > model.horizon:
        raise DataError(f"horizon_days={days}: this model was trained for up to {model.horizon} days")
    if not model.covers(user_id):
        raise UserNotFound(f"user {user_id!r}: this model was trained with user_id={model.user_id!r}; train with 'all'")
    features = request.get("features")
    if not features:
        raise UserNotFound(f"user {user_id!r} has no stored history")
    return {"user_id": user_id, "horizon_days": days, **_forecast_days(model, parse(features), days)}


def _forecast_days(model: SpendingModel, history: History, days: int) -> dict[str, Any]:
    if max(history.amounts.max(initial=0.0), history.income.max(initial=0.0)) > MAX_AMOUNT:
        raise DataError(f"the stored history has an amount too large to be one, above {MAX_AMOUNT:.0e} rupees a month")
    first, last, ahead = window(history, days)
    made = forecast(history, model.seasonality, model.params, ahead)
    fractions = _fractions(made.months, first, last)
    amounts = {
        name: values * _shares(model.seasonality, name, made.months, fractions, first, last)
        for name, values in made.by_category.items()
    }
    by_month = sum(amounts.values(), np.zeros(ahead))
    table = model.params.intervals
    monthly = [
        {
            "month": f"{first_day(int(made.months[at])):%Y-%m}",
            **_amount(by_month[at], month_bounds(table, by_month[at], made.spread[at], at + 1, fractions[at])),
        }
        for at in np.flatnonzero(fractions).tolist()
    ]
    by_category = {name: round(float(values.sum()), 2) for name, values in amounts.items()}
    total = sum(by_category.values())
    return {
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "currency": "INR",
        "method": method(history),
        "total": _amount(total, sum_bounds(table, total, made.spread, fractions)),
        "by_category": dict(sorted(by_category.items(), key=lambda item: -item[1])),
        "monthly": monthly,
        "festivals": festivals_between(first, last),
    }


def _fractions(months: np.ndarray, first: date, last: date) -> np.ndarray:
    """Part of each month's days that lies from ``first`` to ``last``. Shape as of ``months``."""
    edges = np.array([first_day(int(month)).toordinal() for month in (*months, months[-1] + 1)])
    inside = np.minimum(edges[1:], last.toordinal() + 1) - np.maximum(edges[:-1], first.toordinal())
    return np.maximum(inside, 0) / np.diff(edges)


def _shares(
    seasonality: SharedSeasonality, category: str, months: np.ndarray, fractions: np.ndarray, first: date, last: date
) -> np.ndarray:
    """Part of each month's spending that falls on its days from ``first`` to ``last``. Shape as of ``months``."""
    shares = fractions.copy()
    for at in np.flatnonzero((fractions > 0) & (fractions < 1)).tolist():
        shares[at] = seasonality.share(category, int(months[at]), first, last)
    return shares


def _amount(amount: float, bounds: Bounds) -> dict[str, float]:
    return {"amount": round(float(amount), 2)} | {name: round(float(value), 2) for name, value in vars(bounds).items()}


def predict_frame(model: SpendingModel, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Forecast the months after checked transactions.

    Args:
        model: a fitted model.
        frame: checked transactions; the forecast starts after the last day of all users.
        history: earlier transactions of the same users, where there are any.

    Returns:
        A row per user and month: user_id, month (such as 2025-10; the last one may be cut by the model's horizon),
        amount, lower_95, lower, upper, upper_95 (rupees, 80 % and 95 % interval) and method (user or segment).
    """
    rows = frame if history is None else pd.concat([history, frame], ignore_index=True)
    last: date = without_stray_dates(rows)["timestamp"].max().date()
    return pd.DataFrame(_user_months(model, histories(rows, last), set(frame["user_id"])))


def _user_months(model: SpendingModel, stored: dict[str, dict[str, Any]], users: set[str]) -> Iterator[dict[str, Any]]:
    for user_id, features in stored.items():
        if user_id in users and model.covers(user_id):
            answer = _forecast_days(model, parse(features), model.horizon)
            for month in answer["monthly"]:
                yield {"user_id": user_id, **month, "method": answer["method"]}


def save(model: SpendingModel, folder: Path) -> None:
    """Write seasonality.json and model.json; ``load`` gives the same numbers."""
    seasonality = {name: asdict(curve) for name, curve in model.seasonality.curves.items()}
    facts = {
        "last_date": model.last.isoformat(),
        "horizon": model.horizon,
        "user_id": model.user_id,
        "params": asdict(model.params),
    }
    for name, content in (("seasonality", seasonality), ("model", facts)):
        (Path(folder) / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load(folder: Path) -> SpendingModel:
    """Read a model, and compute the seasonality of the coming months before the first request."""
    seasonality, facts = (
        json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8")) for name in ("seasonality", "model")
    )
    params = facts["params"] | {
        "intervals": IntervalTable(**facts["params"]["intervals"]),
        "level_priors": LevelPriors(**facts["params"]["level_priors"]),
    }
    last = date.fromisoformat(facts["last_date"])
    model = SpendingModel(
        SharedSeasonality({name: SeasonalCurve(**curve) for name, curve in seasonality.items()}),
        PopulationParams(**params),
        last,
        facts["horizon"],
        facts["user_id"],
    )
    model.seasonality.prepare(range(last.year - 2, last.year + 3))
    return model
