"""Training: hold out the last months, fit what all users share, and calibrate the intervals by a back-test."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import histories, spending
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor import backtest
from nivesh.models.spending_predictor.inference import SpendingModel, fit_users
from nivesh.models.spending_predictor.population import fit_population
from nivesh.settings import thread_count
from nivesh.spec import Split


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out the last six months of all users, or the last third of a short file.

    Args:
        frame: checked transactions.
        seed: unused, since the cut is a date; every model's split has it.
    """
    cut = backtest.origin(frame)
    early = frame["timestamp"] < pd.Timestamp(cut)
    why = f"time: rows from {cut:%Y-%m-%d} on are held out for all users"
    return Split(frame[early].reset_index(drop=True), frame[~early].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Progress,
    user_id: str = "all",
    horizon: int = 365,
    changepoint_prior: float = 0.02,
    seasonality_prior: float = 1.0,
    festival_prior: float = 0.3,
) -> SpendingModel:
    """Fit the shared seasonality, the income segments, and a Prophet for each user.

    Args:
        train: checked transactions.
        progress: gets the finished fraction and a text.
        user_id: the one user to keep an own model for, or "all"; the seasonality is learned from everybody.
        horizon: longest forecast in days, 1 to 365.
        changepoint_prior, seasonality_prior, festival_prior: Prophet's prior scales of the shared seasonality.

    Raises:
        DataError: too few rows, an unknown user, or a horizon out of range.
    """
    _require_enough(train)
    if not 1 <= horizon <= 365:
        raise DataError(f"horizon={horizon}: give 1 to 365 days")
    last = train["timestamp"].max().date()
    stored = histories(train, last)
    if user_id != "all" and user_id not in stored:
        raise DataError(f"user_id={user_id!r} is not in the rows; give one of them or all")
    priors = dict(
        changepoint_prior=changepoint_prior, seasonality_prior=seasonality_prior, festival_prior=festival_prior
    )
    start = (list(backtest.LOW), list(backtest.HIGH))
    seasonality, params = fit_population(train, last, priors, start, thread_count(), _part(progress, 0.0, 0.3))
    low, high = backtest.interval_quantiles(train, last, priors, thread_count(), _part(progress, 0.3, 0.8))
    params = replace(params, low=low, high=high)
    wanted = stored if user_id == "all" else {user_id: stored[user_id]}
    users = fit_users(wanted, seasonality, params, thread_count(), _part(progress, 0.8, 1.0))
    return SpendingModel(seasonality, params, users, last, horizon)


def _require_enough(rows: pd.DataFrame) -> None:
    debits = spending(rows)
    days = (rows["timestamp"].max() - rows["timestamp"].min()) // timedelta(days=1) + 1 if len(rows) else 0
    if len(debits) < 50 or days < 59:
        raise DataError(
            f"{len(debits)} debits over {days} days are too few to learn spending from; "
            "give at least 50 debits over two months"
        )


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda fraction, text: progress(start + (end - start) * fraction, text)
