"""Training: hold out the last months, fit what all users share, and calibrate it by a back-test."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import spending
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor.backtest import calibrate, origin
from nivesh.models.spending_predictor.inference import SpendingModel
from nivesh.models.spending_predictor.population import fit_population
from nivesh.models.spending_predictor.stray_dates import without_stray_dates
from nivesh.settings import thread_count
from nivesh.spec import Split


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out the last six months of all users, or the last third of a short file.

    Args:
        frame: checked transactions.
        seed: unused, since the cut is a date; every model's split has it.

    Raises:
        DataError: less than three months.
    """
    rows = without_stray_dates(frame)
    cut = origin(rows)
    early = rows["timestamp"] < pd.Timestamp(cut)
    why = f"time: rows from {cut:%Y-%m-%d} on are held out for all users"
    if len(rows) < len(frame):
        why += f"; {len(frame) - len(rows)} rows with dates far from all others are left out"
    return Split(rows[early].reset_index(drop=True), rows[~early].reset_index(drop=True), why)


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
    """Fit the seasonality, yearly bills and income segments of all users, and calibrate levels and intervals.

    Args:
        train: checked transactions.
        progress: gets the finished fraction and a text.
        user_id: the one user that the model forecasts and is evaluated on, or "all"; it learns from everybody.
        horizon: longest forecast in days, 1 to 365.
        changepoint_prior, seasonality_prior, festival_prior: Prophet's prior scales of the shared seasonality.

    Raises:
        DataError: too few rows, an unknown user, or a horizon out of range.
    """
    if not 1 <= horizon <= 365:
        raise DataError(f"horizon={horizon}: give 1 to 365 days")
    rows = without_stray_dates(train)
    _require_enough(rows)
    if user_id != "all" and not (rows["user_id"] == user_id).any():
        raise DataError(f"user_id={user_id!r} is not in the rows; give one of them or all")
    last = rows["timestamp"].max().date()
    priors = dict(
        changepoint_prior=changepoint_prior, seasonality_prior=seasonality_prior, festival_prior=festival_prior
    )
    threads = thread_count()
    seasonality, params = fit_population(rows, last, priors, threads, _part(progress, 0.0, 0.5))
    level_priors, intervals = calibrate(rows, last, priors, threads, _part(progress, 0.5, 1.0))
    progress(1.0, "calibrated")
    params = replace(params, level_priors=level_priors, intervals=intervals)
    return SpendingModel(seasonality, params, last, horizon, user_id)


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
