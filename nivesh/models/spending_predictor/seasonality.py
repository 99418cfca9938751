"""The seasonality that all users share: one Prophet per category on the pooled daily spending."""

import copy
import functools
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nivesh.features.festivals import FIRST_YEAR, LAST_YEAR, festivals
from nivesh.features.spending_history import spending
from nivesh.models.interface import Progress

if TYPE_CHECKING:
    from prophet import Prophet

ALL = ""  # all regular spending; also used for a category without a seasonality of its own
MIN_USERS = 5
MIN_DAYS = 240
# In a shorter series a trend cannot be separated from the yearly seasonality.
MIN_TREND_DAYS = 540
# Days before a festival on which households buy for it.
LEAD_DAYS = {
    "Diwali": 21, "Dussehra": 10, "Eid al-Fitr": 8, "Eid al-Adha": 5, "Holi": 6, "Raksha Bandhan": 7, "Onam": 8,
    "Pongal": 7, "Christmas": 10, "Ganesh Chaturthi": 5, "Independence Day": 4, "Republic Day": 4,
}  # fmt: skip


def silence_prophet() -> None:
    """Turn off the loggers of Prophet and CmdStan, which report every single fit."""
    for name in ("prophet", "prophet.models", "prophet.forecaster", "cmdstanpy"):
        logging.getLogger(name).disabled = True


@functools.lru_cache(maxsize=64)
def holiday_table(first: int, last: int) -> pd.DataFrame:
    """Prophet's holidays of the years ``first`` to ``last``: the days before each festival, grouped by week.

    Two or three Diwalis support one coefficient per week, not one per day.

    Returns:
        Columns ``holiday`` (such as "Diwali" or "Diwali, 2 weeks before") and ``ds``.
    """
    table = festivals(range(max(first, FIRST_YEAR), min(last, LAST_YEAR) + 1))
    found = []
    for name, lead in LEAD_DAYS.items():
        # Prophet needs every name in every table, even where no year has it: add a day outside of all data.
        days = [pd.Timestamp(0), *table.loc[table["name"] == name, "date"]]
        for before in range(lead + 1):
            week = name if before < 7 else f"{name}, {before // 7 + 1} weeks before"
            found += [(week, day - pd.Timedelta(days=before)) for day in days]
    return pd.DataFrame(found, columns=["holiday", "ds"]).drop_duplicates(ignore_index=True)


def festivals_between(first: date, last: date) -> list[dict[str, str]]:
    """The festivals that change spending, from the first to the last day: ``date`` (ISO) and ``name``."""
    table = holiday_table(first.year, last.year)
    table = table[table["holiday"].isin(LEAD_DAYS)]
    days = table.groupby(["holiday", table["ds"].dt.year.rename("year")])["ds"].max().reset_index()
    inside = days[(days["ds"] >= pd.Timestamp(first)) & (days["ds"] <= pd.Timestamp(last))].sort_values("ds")
    return [
        {"date": f"{day:%Y-%m-%d}", "name": name} for name, day in zip(inside["holiday"], inside["ds"], strict=True)
    ]


class SharedSeasonality:
    """Fitted Prophets by category. Their daily values are computed once per year and kept."""

    def __init__(self, models: dict[str, "Prophet"]):
        self.models = models
        self._years: dict[tuple[str, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def daily(self, category: str, first: date, days: int) -> np.ndarray:
        """Factors of these days, 1 being an average day; those of ``ALL`` for an unknown category. Shape (days,)."""
        category = category if category in self.models else ALL
        last = date.fromordinal(first.toordinal() + days - 1)
        years = [self._year(category, year) for year in range(first.year, last.year + 1)]
        start = first.timetuple().tm_yday - 1
        return np.concatenate(years)[start : start + days]

    def monthly(self, category: str, months: np.ndarray) -> np.ndarray:
        """Mean factor of each of these month numbers. Shape as of ``months``."""
        return np.array([self._month(category, int(month)) for month in months])

    def prepare(self, years: range) -> None:
        """Compute the values of these years now, in one call per category."""
        for category in self.models:
            self._compute(category, years)

    def _month(self, category: str, month: int) -> float:
        first, after = date(month // 12, month % 12 + 1, 1), date((month + 1) // 12, (month + 1) % 12 + 1, 1)
        return float(self.daily(category, first, (after - first).days).mean())

    def _year(self, category: str, year: int) -> np.ndarray:
        if (category, year) not in self._years:
            self._compute(category, range(year, year + 1))
        return self._years[category, year]

    def _compute(self, category: str, years: range) -> None:
        dates = pd.date_range(f"{years[0]}-01-01", f"{years[-1]}-12-31")
        model = self.models[category]
        with self._lock:
            model.holidays = holiday_table(years[0], years[-1] + 1)
            values = model.predict(pd.DataFrame({"ds": dates}))["yhat"].to_numpy()
        # Values outside of what is ever observed come from an extrapolated trend.
        values = np.clip(values, 0.05, 5.0)
        for year in years:
            self._years[category, year] = values[dates.year == year]


def fit_seasonality(
    rows: pd.DataFrame,
    last: date,
    yearly: set[str],
    priors: dict[str, float],
    threads: int,
    progress: Progress,
) -> SharedSeasonality:
    """Fit the seasonality of all regular spending, and of each category that enough users buy.

    Args:
        rows: transactions up to ``last``.
        last: last day that they cover.
        yearly: categories of yearly bills, which follow the user's own calendar and have no shared seasonality.
        priors: changepoint_prior, seasonality_prior, festival_prior.
        threads: number of parallel fits.
        progress: gets the finished fraction and a text.
    """
    debits = spending(rows)
    joined = rows.groupby("user_id")["timestamp"].min().dt.normalize()
    regular = debits[~debits["category"].isin(yearly)]
    series = {ALL: pooled(regular if len(regular) else debits, joined, last, strict=False)}
    for category, part in regular.groupby("category"):
        series[str(category)] = pooled(part, joined, last, strict=True)
    enough = {name: values for name, values in series.items() if values is not None}
    holidays = holiday_table(enough[ALL]["ds"].min().year, last.year + 2)
    fitted = {}
    with ThreadPoolExecutor(threads) as pool:
        models = pool.map(lambda values: fit_prophet(values, holidays, priors), enough.values())
        for name, model in zip(enough, models, strict=True):
            fitted[name] = model
            progress(len(fitted) / len(enough), f"seasonality of {name or 'all regular spending'}")
    return SharedSeasonality(fitted)


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


def fit_prophet(series: pd.DataFrame, holidays: pd.DataFrame, priors: dict[str, float]) -> "Prophet":
    """A Prophet of one pooled daily series: trend, year, month, week, festivals; multiplicative."""
    from prophet import Prophet

    silence_prophet()
    days = len(series)
    model = Prophet(
        growth="linear" if days > MIN_TREND_DAYS else "flat",
        n_changepoints=6 if days > MIN_TREND_DAYS else 0,
        changepoint_prior_scale=priors["changepoint_prior"],
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        seasonality_mode="multiplicative",
        holidays=holidays,
        holidays_prior_scale=priors["festival_prior"],
        uncertainty_samples=0,
    )
    if days > 330:
        model.add_seasonality("yearly", 365.25, 5, prior_scale=priors["seasonality_prior"])
    model.add_seasonality("weekly", 7, 3, prior_scale=1.0)
    model.add_seasonality("monthly", 30.4375, 4, prior_scale=1.0)
    return model.fit(series)


def to_json(model: "Prophet") -> str:
    """Prophet's own JSON without what predicting does not need: the training rows and the holidays."""
    from prophet.serialize import model_to_json

    if model.history is None:
        raise ValueError("this Prophet is not fitted")
    light = copy.copy(model)
    light.history = model.history[["ds", "y"]].tail(1)
    light.history_dates = model.history["ds"].tail(1)
    light.holidays = None
    return model_to_json(light)


def from_json(text: str) -> "Prophet":
    """A Prophet that ``to_json`` wrote. Its holidays are computed for each year when it is first used."""
    from prophet.serialize import model_from_json

    silence_prophet()
    return model_from_json(text)
