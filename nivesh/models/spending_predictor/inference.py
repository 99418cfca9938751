"""Answers of the spending predictor, and the model as a folder of JSON files."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import first_day, histories, number, parse
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor.forecast import (
    MonthlyForecast,
    PopulationParams,
    bill_rows,
    by_day,
    fit_own,
    forecast,
    interval,
    regular_spending,
    window,
)
from nivesh.models.spending_predictor.seasonality import SharedSeasonality, festivals_between, from_json, to_json
from nivesh.settings import thread_count


@dataclass(frozen=True)
class UserModel:
    """A user: the stored history, and the user's own Prophet where the history is long enough."""

    stored: dict[str, Any]
    own: Any

    @property
    def method(self) -> str:
        """``method`` of the answer."""
        return "user" if self.own is not None else "segment"


@dataclass(frozen=True)
class SpendingModel:
    """A fitted spending predictor.

    Attributes:
        seasonality, params: what was learned from all users, and holds for unknown users too.
        users: those of the training rows.
        last: last day of the training rows.
        horizon: longest forecast in days.
    """

    seasonality: SharedSeasonality
    params: PopulationParams
    users: dict[str, UserModel]
    last: date
    horizon: int


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows themselves: monthly totals depend on where the forecast starts, so they are computed there."""
    return frame


def fit_users(
    stored: dict[str, dict[str, Any]],
    seasonality: SharedSeasonality,
    params: PopulationParams,
    threads: int,
    progress: Progress,
) -> dict[str, UserModel]:
    """The own Prophet of each user; see ``forecast.fit_own``."""

    def fit_one(features: dict[str, Any]) -> UserModel:
        history = parse(features)
        values = regular_spending(history, seasonality, bill_rows(history, params.bills))
        return UserModel(features, fit_own(history, values))

    users = {}
    with ThreadPoolExecutor(threads) as pool:
        for user_id, fitted in zip(stored, pool.map(fit_one, stored.values()), strict=True):
            users[user_id] = fitted
            progress(len(users) / len(stored), f"model of {len(users)} of {len(stored)} users")
    return users


def users_of(model: SpendingModel, stored: dict[str, dict[str, Any]]) -> dict[str, UserModel]:
    """Models of the users of a file. The model's own are used only where the history is equal: ids may be reused."""
    same = {
        user: model.users[user]
        for user, features in stored.items()
        if user in model.users and model.users[user].stored == features
    }
    rest = {user: features for user, features in stored.items() if user not in same}
    return same | fit_users(rest, model.seasonality, model.params, thread_count(), lambda fraction, text: None)


def predict(model: SpendingModel, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One ``Answer`` as a dict per request.

    Args:
        model: a fitted model.
        requests: ``Request`` as a dict, with the user's ``features`` of the feature store where there are any.

    Raises:
        UserNotFound: the user was not in the training rows and has no features.
        DataError: the horizon is longer than the model's, or the stored history cannot be used.
    """
    return [_answer(model, request) for request in requests]


def _answer(model: SpendingModel, request: dict[str, Any]) -> dict[str, Any]:
    user_id, days = request["user_id"], request["horizon_days"]
    if days > model.horizon:
        raise DataError(f"horizon_days={days}: this model was trained for up to {model.horizon} days")
    features = request.get("features") or None
    if features is not None:
        parse(features)
    if _is_current(model, user_id, features):
        user = model.users[user_id]
    elif features is not None:
        user = fit_users({user_id: features}, model.seasonality, model.params, 1, lambda *_: None)[user_id]
    else:
        raise UserNotFound(f"nothing is known about the user {user_id!r}: no model and no stored history")
    return {"user_id": user_id, "horizon_days": days, **_forecast_days(model, user, days)}


def _is_current(model: SpendingModel, user_id: str, features: dict[str, Any] | None) -> bool:
    user = model.users.get(user_id)
    return user is not None and (features is None or features["last_date"] <= user.stored["last_date"])


def _forecast_days(model: SpendingModel, user: UserModel, days: int) -> dict[str, Any]:
    history = parse(user.stored)
    first, last, ahead = window(history, days)
    months = forecast(history, model.seasonality, model.params, user.own, ahead)
    daily = by_day(months, model.seasonality, first, days)
    daily_total = sum(daily.values(), np.zeros(days))
    month_of_day = np.array([number(first + timedelta(days=day)) for day in range(days)])
    fractions = np.array(
        [
            (month_of_day == month).sum() / (first_day(month + 1) - first_day(month)).days
            for month in months.months.tolist()
        ]
    )
    monthly = []
    for at in np.flatnonzero(fractions):
        part = np.where(np.arange(ahead) == at, fractions, 0.0)
        amount = float(daily_total[month_of_day == months.months[at]].sum())
        monthly.append({"month": f"{first_day(int(months.months[at])):%Y-%m}", **_amount(model, months, amount, part)})
    amounts = {name: round(float(values.sum()), 2) for name, values in daily.items()}
    return {
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "currency": "INR",
        "method": user.method,
        "total": _amount(model, months, sum(amounts.values()), fractions),
        "by_category": dict(sorted(amounts.items(), key=lambda item: -item[1])),
        "monthly": monthly,
        "festivals": festivals_between(first, last),
    }


def _amount(model: SpendingModel, months: MonthlyForecast, amount: float, fractions: np.ndarray) -> dict[str, float]:
    low, high = interval(months, model.params, amount, fractions)
    return {"amount": round(amount, 2), "lower": round(low, 2), "upper": round(high, 2)}


def predict_frame(model: SpendingModel, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Forecast the months after checked transactions.

    Args:
        model: a fitted model.
        frame: checked transactions; the forecast starts after the last day of all users.
        history: earlier transactions of the same users, where there are any.

    Returns:
        A row per user and month: user_id, month (such as 2025-10; the last one may be cut by the model's horizon),
        amount, lower, upper (rupees, 80 % interval) and method (user or segment).
    """
    rows = frame if history is None else pd.concat([history, frame], ignore_index=True)
    last: date = rows["timestamp"].max().date()
    wanted = set(frame["user_id"])
    stored = {user: features for user, features in histories(rows, last).items() if user in wanted}
    return pd.DataFrame(_months_of_users(model, users_of(model, stored)))


def _months_of_users(model: SpendingModel, users: dict[str, UserModel]) -> Iterable[dict[str, Any]]:
    for user_id, user in users.items():
        answer = _forecast_days(model, user, model.horizon)
        for month in answer["monthly"]:
            yield {"user_id": user_id, **month, "method": answer["method"]}


def save(model: SpendingModel, folder: Path) -> None:
    """Write seasonality.json, users.json and model.json; ``load`` gives the same numbers."""
    seasonality = {name: to_json(prophet) for name, prophet in model.seasonality.models.items()}
    users = {
        user_id: {"history": user.stored, "prophet": to_json(user.own) if user.own is not None else None}
        for user_id, user in model.users.items()
    }
    facts = {"last_date": model.last.isoformat(), "horizon": model.horizon, "params": asdict(model.params)}
    for name, content in (("seasonality", seasonality), ("users", users), ("model", facts)):
        (Path(folder) / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load(folder: Path) -> SpendingModel:
    """Read a model, and compute the seasonality of the coming months before the first request."""
    seasonality, users, facts = (
        json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("seasonality", "users", "model")
    )
    last = date.fromisoformat(facts["last_date"])
    model = SpendingModel(
        seasonality=SharedSeasonality({name: from_json(text) for name, text in seasonality.items()}),
        params=PopulationParams(**facts["params"]),
        users={
            user_id: UserModel(user["history"], from_json(user["prophet"]) if user["prophet"] else None)
            for user_id, user in users.items()
        },
        last=last,
        horizon=facts["horizon"],
    )
    model.seasonality.prepare(range(last.year - 2, last.year + 2))
    return model
