"""Fits the shared seasonality: one Prophet per category on the pooled daily spending of all users."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
from prophet import Prophet

from nivesh.features.spending_history import spending
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor.seasonality import (
    ALL,
    SeasonalCurve,
    SharedSeasonality,
    festival_weeks,
)

MIN_USERS = 5
MIN_DAYS = 240
# In a shorter series a trend cannot be separated from the yearly seasonality.
MIN_TREND_DAYS = 540

# Prophet and CmdStan report every single fit.
for logger in ("prophet", "prophet.models", "prophet.forecaster", "cmdstanpy"):
    logging.getLogger(logger).disabled = True


def fit_seasonality(
    rows: pd.DataFrame,
    last: date,
    yearly: set[str],
    priors: dict[str, float],
    threads: int,
    progress: Progress,
    *,
    by_category: bool = True,
) -> SharedSeasonality:
    """Fit the seasonality of all regular spending, and of each category that enough users buy.

    Args:
        rows: transactions up to ``last``.
        last: last day that they cover.
        yearly: categories of yearly bills, which follow the user's own calendar and have no shared seasonality.
        priors: changepoint_prior, seasonality_prior, festival_prior.
        threads: number of parallel fits.
        progress: gets the finished fraction and a text.
        by_category: False fits that of all regular spending only.
    """
    debits = spending(rows)
    joined = rows.groupby("user_id")["timestamp"].min().dt.normalize()
    regular = debits[~debits["category"].isin(yearly)]
    series = {ALL: pooled(regular if len(regular) else debits, joined, last, strict=False)}
    for category, part in regular.groupby("category") if by_category else ():
        series[str(category)] = pooled(part, joined, last, strict=True)
    enough = {name: values for name, values in series.items() if values is not None}
    holidays = holiday_table(enough[ALL]["ds"].min().year, last.year)
    curves = {}
    with ThreadPoolExecutor(threads) as pool:
        fitted = pool.map(lambda values: to_curve(fit_prophet(values, holidays, priors)), enough.values())
        for name, curve in zip(enough, fitted, strict=True):
            curves[name] = curve
            progress(len(curves) / len(enough), f"seasonality of {name or 'all regular spending'}")
    return SharedSeasonality(curves)


def pooled(rows: pd.DataFrame, joined: pd.Series, last: date, *, strict: bool) -> pd.DataFrame | None:
    """Mean of the users' daily spending, each divided by the user's own daily mean of the last year.

    Args:
        rows: spending of one category, or of all.
        joined: first day of each user.
        last: last day of the rows of all users.
        strict: return None unless ``MIN_USERS`` users with more than ``MIN_DAYS`` of history bought it in 8 months.

    Returns:
        Prophet's columns ``ds`` and ``y``; a row per day.
    """
    end = pd.Timestamp(last)
    # Fraud and once-in-a-decade purchases of one user must not enter the seasonality of all.
    median = rows.groupby("user_id")["amount"].transform("median")
    rows = rows.assign(amount=np.minimum(rows["amount"], 5 * median))
    months = rows.groupby("user_id")["timestamp"].agg(lambda times: times.dt.to_period("M").nunique())
    days_known = (end - joined.reindex(months.index)).dt.days
    keep = months.index[(months >= 8) & (days_known > MIN_DAYS)]
    if strict and len(keep) < MIN_USERS:
        return None
    keep = keep if len(keep) else months.index
    rows = rows[rows["user_id"].isin(keep)]
    days = pd.date_range(joined[keep].min(), end)
    daily = rows.groupby([rows["timestamp"].dt.normalize(), "user_id"])["amount"].sum().unstack(fill_value=0.0)
    daily = daily.reindex(days, fill_value=0.0)
    active = days.to_numpy()[:, None] >= joined[daily.columns].to_numpy()[None, :]
    recent = active & (days > end - pd.Timedelta(days=365)).reshape(-1, 1)
    level = (daily.to_numpy() * recent).sum(0) / np.maximum(recent.sum(0), 1)
    scaled = np.where(active & (level > 0), daily.to_numpy() / np.maximum(level, 1e-9), 0.0)
    users = np.maximum((active & (level > 0)).sum(1), 1)
    return pd.DataFrame({"ds": days, "y": scaled.sum(1) / users})


def holiday_table(first: int, last: int) -> pd.DataFrame:
    """``festival_weeks`` of the years ``first`` to ``last`` as Prophet's holidays: columns ``holiday`` and ``ds``."""
    found = {
        (week, day) for year in range(first, last + 2) for week, days in festival_weeks(year).items() for day in days
    }
    return pd.DataFrame(sorted(found), columns=["holiday", "ds"]).astype({"ds": "datetime64[ns]"})


def fit_prophet(series: pd.DataFrame, holidays: pd.DataFrame, priors: dict[str, float]) -> Prophet:
    """A Prophet of one pooled daily series: trend, year, month, week, festivals; multiplicative."""
    days = len(series)
    model = Prophet(
        growth="linear" if days > MIN_TREND_DAYS else "flat",
        n_changepoints=6 if days > MIN_TREND_DAYS else 0,
        changepoint_prior_scale=priors["changepoint_prior"],
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        seasonality_mode="multiplicative",
        holidays=holidays if len(holidays) else None,
        holidays_prior_scale=priors["festival_prior"],
        uncertainty_samples=0,
    )
    if days > 330:
        model.add_seasonality("yearly", 365.25, 5, prior_scale=priors["seasonality_prior"])
    model.add_seasonality("weekly", 7, 3, prior_scale=1.0)
    model.add_seasonality("monthly", 30.4375, 4, prior_scale=1.0)
    return model.fit(series)


def to_curve(model: Prophet) -> SeasonalCurve:
    """The numbers of a fitted Prophet: its forecasts without Prophet."""
    if model.y_scale is None or model.changepoints_t is None:
        raise ValueError("this Prophet is not fitted")
    columns = model.make_all_seasonality_features(model.history)[0].columns
    effects = dict(zip(columns, model.params["beta"].mean(0).tolist(), strict=True))
    linear = model.growth == "linear"
    scale = float(model.y_scale)
    names = [] if model.train_holiday_names is None else sorted(model.train_holiday_names)
    return SeasonalCurve(
        start=f"{model.start:%Y-%m-%d}",
        days=model.t_scale / pd.Timedelta(days=1),
        offset=float(model.params["m"].mean()) * scale,
        growth=float(model.params["k"].mean()) * scale if linear else 0.0,
        changepoints=model.changepoints_t.tolist() if linear else [],
        growth_changes=(model.params["delta"].mean(0) * scale).tolist() if linear else [],
        periods={name: float(series["period"]) for name, series in model.seasonalities.items()},
        coefficients={
            name: [effects[f"{name}_delim_{at + 1}"] for at in range(2 * series["fourier_order"])]
            for name, series in model.seasonalities.items()
        },
        festivals={name: effects[f"{name}_delim_+0"] for name in names},
    )
