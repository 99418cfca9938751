"""Forecasts of a user's spending with Prophet: common seasons and festivals, the user's own level and income.

A forecast has four parts: what all users share by category (trend, year, festivals; ``shapes``), yearly bills that
come back in the same month, the user's own Prophet of the rest (``forecast.fit_own``), and, for users with less
than six months, the usual spending of their income segment. All of it needs only the user's monthly totals, which
the feature store keeps (``history.histories``): so strangers are forecast like users.
"""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import first_day, histories, parse
from nivesh.models.spending_predictor import forecast, judging, learning
from nivesh.models.spending_predictor.learning import Known, Model
from nivesh.models.spending_predictor.shapes import from_json, to_json
from nivesh.models.spending_predictor.storage import load, save
from nivesh.models.spending_predictor.terms import SPEC, Answer, Request
from nivesh.settings import thread_count
from nivesh.spec import Split

__all__ = [
    "SPEC", "Answer", "Request", "build_features", "evaluate", "fit", "fit_segment", "histories", "join", "learn", "load",
    "plot", "predict", "predict_frame", "save", "segments", "split",
]  # fmt: skip


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows themselves: the history of a row depends on where the forecast begins, so it is made there."""
    return frame


def split(frame: pd.DataFrame, seed: int) -> Split:
    """The last six months of all users, or the last third of a short file, are held out.

    Args:
        frame: checked transactions.
        seed: unused, since the cut is a date; every model's split has it.
    """
    cut = judging.origin(frame)
    early = frame["timestamp"] < pd.Timestamp(cut)
    why = f"time: rows from {cut:%Y-%m-%d} on are held out for all users"
    return Split(frame[early].reset_index(drop=True), frame[~early].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: learning.Progress,
    user_id: str = "all",
    horizon: int = 365,
    changepoint_prior: float = 0.02,
    seasonality_prior: float = 1.0,
    festival_prior: float = 0.3,
) -> Model:
    """Learn seasons, segments, and a Prophet for each user.

    Args:
        train: checked transactions.
        progress: is told the finished fraction and a text.
        user_id: the one user to keep an own model for, or "all"; the seasons are learnt from everybody.
        horizon: longest forecast in days, 1 to 365.
        changepoint_prior, seasonality_prior, festival_prior: Prophet's prior scales of the seasons of all users.

    Raises:
        DataError: too few rows, an unknown user, or a horizon out of range.
    """
    priors = dict(
        changepoint_prior=changepoint_prior, seasonality_prior=seasonality_prior, festival_prior=festival_prior
    )
    model = learn(train, progress=_part(progress, 0.0, 0.8), user_id=user_id, horizon=horizon, **priors)
    stored = {user: known.stored for user, known in model.users.items()}
    users = learning.fit_users(stored, model.shapes, model.common, thread_count(), _part(progress, 0.8, 1.0))
    return replace(model, users=users)


def learn(train: pd.DataFrame, *, progress: learning.Progress, user_id: str, horizon: int, **priors: float) -> Model:
    """What ``fit`` learns from everybody: the model without the users' own Prophets. Arguments and errors as there."""
    learning.check(train)
    if not 1 <= horizon <= 365:
        raise DataError(f"horizon={horizon}: give 1 to 365 days")
    last = train["timestamp"].max().date()
    stored = histories(train, last)
    if user_id != "all" and user_id not in stored:
        raise DataError(f"user_id={user_id!r} is not in the rows; give one of them or all")
    shapes, common = learning.learn(train, last, priors, thread_count(), _part(progress, 0.0, 0.4))
    low, high = learning.measure_errors(train, last, priors, thread_count(), _part(progress, 0.4, 1.0))
    common = forecast.Common(common.bills, common.bill_growth, common.segments, low, high)
    wanted = stored if user_id == "all" else {user_id: stored[user_id]}
    return Model(shapes, common, {user: Known(one, None) for user, one in wanted.items()}, last, horizon)


def segments(model: Model) -> dict[str, list[str]]:
    """The users of a model of ``learn`` by the income segment that they are in."""
    edges = [one["from_income"] for one in model.common.segments]
    found: dict[str, list[str]] = {}
    for user, known in model.users.items():
        edge = edges[learning.band(parse(known.stored), edges)]
        found.setdefault(f"income-from-{edge:.0f}", []).append(user)
    return dict(sorted(found.items()))


def fit_segment(model: Model, segment: str, *, progress: learning.Progress) -> dict[str, dict[str, str]]:
    """Fit the own Prophets of a segment's users.

    Returns:
        JSON: ``users``, Prophet's text by user id, and ``failed``, the reason by the id of users without one. A user
        with a short history is in neither.
    """
    failed: dict[str, str] = {}
    stored = {user: model.users[user].stored for user in segments(model)[segment]}
    users = learning.fit_users(stored, model.shapes, model.common, thread_count(), progress, failed)
    return {"users": {user: to_json(known.own) for user, known in users.items() if known.own}, "failed": failed}


def join(model: Model, parts: list[dict[str, dict[str, str]]]) -> Model:
    """A model of ``learn`` with what ``fit_segment`` gave; users that are in no part are forecast by their segment."""
    own = {user: from_json(text) for part in parts for user, text in part["users"].items()}
    return replace(model, users={user: Known(known.stored, own.get(user)) for user, known in model.users.items()})


def _part(progress: learning.Progress, start: float, end: float) -> learning.Progress:
    return lambda fraction, text: progress(start + (end - start) * fraction, text)


def judge(model: Model, test: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of ``judging.cases`` of every user of whom something is known before the test rows.

    Raises:
        DataError: no user has a whole month before and a whole month after.
    """
    if history is None:
        cut = judging.origin(test)
        history, test = test[test["timestamp"] < pd.Timestamp(cut)], test[test["timestamp"] >= pd.Timestamp(cut)]
    else:
        cut = judging.begin(history, test)
    before = history[history["timestamp"] < pd.Timestamp(cut)]
    _, actual = learning.months_of(test, cut, test["timestamp"].max().date())
    stored = histories(before, cut - timedelta(days=1))
    # A user without one whole month has nothing to compare with: even a naive forecast needs a month.
    stored = {user: features for user, features in stored.items() if user in actual and features["income"]}
    if not stored:
        raise DataError("no user has a whole month before and after the date; judge on rows with more months")
    users = _users(model, stored)
    parts = []
    for user, features in stored.items():
        known = users[user]
        past = parse(features)
        look = learning.look_ahead(past, model, known.own, actual[user].iloc[:, : judging.LONGEST])
        rows = judging.cases(past, look, actual[user], model.common, _method(known))
        parts.append(rows.assign(user_id=user))
    return pd.concat(parts, ignore_index=True)


def evaluate(model: Model, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Errors of the monthly totals of the test rows, forecast in one go from what came before.

    Args:
        model: a fitted model; the users need not have been in its training rows.
        test: transactions to judge by, later than ``history``.
        history: earlier transactions of the same users; where not given, the last six months of ``test`` are judged
            (the last third of a short file) and the months before are the history.
    """
    return judging.metrics(judge(model, test, history))


def plot(model: Model, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write PNGs: forecasts against facts, the seasons' components, coverage by horizon, errors by category."""
    from nivesh.models.spending_predictor import plots

    return plots.write(model, judge(model, test, history), Path(folder))


def _is_current(model: Model, user_id: str, features: dict | None) -> bool:
    known = model.users.get(user_id)
    return known is not None and (features is None or features["last_date"] <= known.stored["last_date"])


def _users(model: Model, stored: dict[str, dict]) -> dict[str, Known]:
    """The users of a file. An id that the model knows may be another person there: the histories must be equal."""
    same = {user: model.users[user] for user, one in stored.items() if user in model.users}
    same = {user: known for user, known in same.items() if known.stored == stored[user]}
    rest = {user: one for user, one in stored.items() if user not in same}
    return same | learning.fit_users(rest, model.shapes, model.common, thread_count(), lambda fraction, text: None)


def _method(known: Known) -> str:
    return "user" if known.own is not None else "segment"


def predict(model: Model, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers to requests, each with the user's ``features`` of the feature store where there are any.

    Raises:
        UserNotFound: the user was not in the training rows and has no features.
        DataError: the horizon is longer than the model's, or the stored history cannot be used.
    """
    return [_answer(model, request) for request in requests]


def _answer(model: Model, request: dict[str, Any]) -> dict[str, Any]:
    user_id, days = request["user_id"], request["horizon_days"]
    if days > model.horizon:
        raise DataError(f"horizon_days={days}: this model was trained for up to {model.horizon} days")
    features = request.get("features") or None
    if features is not None:
        parse(features)
    if _is_current(model, user_id, features):
        known = model.users[user_id]
    elif features is not None:
        known = learning.fit_users({user_id: features}, model.shapes, model.common, 1, lambda *_: None)[user_id]
    else:
        raise UserNotFound(f"nothing is known about the user {user_id!r}: no model and no stored history")
    return {"user_id": user_id, "horizon_days": days, **_forecast(model, known, days)}


def _forecast(model: Model, known: Known, days: int) -> dict[str, Any]:
    past = parse(known.stored)
    first, last, ahead = forecast.window(past, days)
    look = forecast.outlook(past, model.shapes, model.common, known.own, ahead)
    daily = forecast.by_day(look, model.shapes, first, days)
    every = sum(daily.values(), np.zeros(days))
    month = np.array(
        [(first + timedelta(days=at)).year * 12 + (first + timedelta(days=at)).month - 1 for at in range(days)]
    )
    share = np.array(
        [(month == one).sum() / (first_day(one + 1) - first_day(one)).days for one in look.months.tolist()]
    )
    monthly = []
    for at in np.flatnonzero(share):
        part = np.where(np.arange(ahead) == at, share, 0.0)
        amount = float(every[month == look.months[at]].sum())
        monthly.append({"month": f"{first_day(int(look.months[at])):%Y-%m}", **_amount(model, look, amount, part)})
    amounts = {name: round(float(values.sum()), 2) for name, values in daily.items()}
    return {
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "currency": "INR",
        "method": _method(known),
        "total": _amount(model, look, sum(amounts.values()), share),
        "by_category": dict(sorted(amounts.items(), key=lambda item: -item[1])),
        "monthly": monthly,
        "festivals": forecast.festivals_between(first, last),
    }


def _amount(model: Model, look: forecast.Outlook, amount: float, fractions: np.ndarray) -> dict[str, float]:
    low, high = forecast.interval(look, model.common, amount, fractions)
    return {"amount": round(amount, 2), "lower": round(low, 2), "upper": round(high, 2)}


def predict_frame(model: Model, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Checked transactions -> the months that follow them, a row for each user and month.

    Args:
        frame: checked transactions; the forecast begins after the last day of all.
        history: earlier transactions of the same users, where there are any.

    Returns:
        user_id, month (such as 2025-10; the last one may be cut by the model's horizon), amount, lower, upper (rupees,
        80 % interval) and method (user or segment).
    """
    rows = frame if history is None else pd.concat([history, frame], ignore_index=True)
    last: date = rows["timestamp"].max().date()
    wanted = set(frame["user_id"])
    stored = {user: features for user, features in histories(rows, last).items() if user in wanted}
    months = []
    for user, known in _users(model, stored).items():
        answer = _forecast(model, known, model.horizon)
        months += [{"user_id": user, **month, "method": answer["method"]} for month in answer["monthly"]]
    return pd.DataFrame(months)
