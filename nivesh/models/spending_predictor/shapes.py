"""The seasons of all users together: one Prophet for each category on the pooled daily spending."""

import copy
import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd

from nivesh.features.festivals import FIRST, LAST, festivals
from nivesh.features.spending_history import spending

ALL = ""  # the shape of all ordinary spending, and of any category that has none of its own
LEAST_USERS = 5
LEAST_DAYS = 240
# In a shorter time a trend cannot be told from the year's season.
TREND_DAYS = 540
# Days before a festival in which households buy for it.
WINDOWS = {
    "Diwali": 21, "Dussehra": 10, "Eid al-Fitr": 8, "Eid al-Adha": 5, "Holi": 6, "Raksha Bandhan": 7, "Onam": 8,
    "Pongal": 7, "Christmas": 10, "Ganesh Chaturthi": 5, "Independence Day": 4, "Republic Day": 4,
}  # fmt: skip


def quiet() -> None:
    """Silence Prophet and CmdStan, which report every single fit."""
    for name in ("prophet", "prophet.models", "prophet.forecaster", "cmdstanpy"):
        logging.getLogger(name).disabled = True


@functools.lru_cache(maxsize=64)
def holiday_table(first: int, last: int) -> pd.DataFrame:
    """Prophet's holidays: every day of a festival's season, under one name a week.

    One coefficient a week, and not a day, is what two or three Diwalis can support.
    """
    table = festivals(range(max(first, FIRST), min(last, LAST) + 1))
    found = []
    for name, ahead in WINDOWS.items():
        # Prophet needs every name in every table, also where a year has none: a day outside of all data.
        days = [pd.Timestamp(0), *table.loc[table["name"] == name, "date"]]
        for before in range(ahead + 1):
            week = name if before < 7 else f"{name}, {before // 7 + 1} weeks before"
            found += [(week, day - pd.Timedelta(days=before)) for day in days]
    return pd.DataFrame(found, columns=["holiday", "ds"]).drop_duplicates(ignore_index=True)


def pooled(rows: pd.DataFrame, joined: pd.Series, last: date, *, strict: bool) -> pd.DataFrame | None:
    """Mean of the users' daily spending, each in multiples of the user's own mean of the last year.

    Args:
        rows: spending of one category, or of all.
        joined: first day of each user.
        last: last day of the rows of all users.
        strict: None is returned unless ``LEAST_USERS`` users have it in 8 months and know 8 months.

    Returns:
        Prophet's columns ``ds`` and ``y``; a row for each day.
    """
    end = pd.Timestamp(last)
    # Frauds and once-in-a-decade purchases of one user must not become everybody's season.
    typical = rows.groupby("user_id")["amount"].transform("median")
    rows = rows.assign(amount=np.minimum(rows["amount"], 5 * typical))
    seen = rows.groupby("user_id")["timestamp"].agg(lambda times: times.dt.to_period("M").nunique())
    days_known = (end - joined.reindex(seen.index)).dt.days
    keep = seen.index[(seen >= 8) & (days_known > LEAST_DAYS)]
    if strict and len(keep) < LEAST_USERS:
        return None
    keep = keep if len(keep) else seen.index
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


def fit_shape(series: pd.DataFrame, holidays: pd.DataFrame, priors: dict[str, float]):
    """A Prophet of one pooled daily series: damped trend, year, month, week, festivals."""
    from prophet import Prophet

    quiet()
    days = len(series)
    model = Prophet(
        growth="linear" if days > TREND_DAYS else "flat",
        n_changepoints=6 if days > TREND_DAYS else 0,
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


class Shapes:
    """Fitted Prophets by category, and their daily values, which are computed once for each year."""

    def __init__(self, models: dict[str, object]):
        self.models = models
        self._years: dict[tuple[str, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def daily(self, category: str, first: date, days: int) -> np.ndarray:
        """Values of these days in multiples of a usual day; those of ``ALL`` for an unknown category."""
        category = category if category in self.models else ALL
        last = date.fromordinal(first.toordinal() + days - 1)
        years = [self._year(category, year) for year in range(first.year, last.year + 1)]
        start = first.timetuple().tm_yday - 1
        return np.concatenate(years)[start : start + days]

    def monthly(self, category: str, months: np.ndarray) -> np.ndarray:
        """Mean value of each of these month numbers."""
        return np.array([self._month(category, int(month)) for month in months])

    def prepare(self, years: range) -> None:
        """Compute the values of these years now, all in one go."""
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
            value = model.predict(pd.DataFrame({"ds": dates}))["yhat"].to_numpy()
        # A fall or rise beyond what was ever seen is the trend running away.
        value = np.clip(value, 0.05, 5.0)
        for year in years:
            self._years[category, year] = value[dates.year == year]


def fit_shapes(
    rows: pd.DataFrame,
    last: date,
    yearly: set[str],
    priors: dict[str, float],
    threads: int,
    progress: Callable[[float, str], None],
) -> Shapes:
    """Fit all shapes.

    Args:
        rows: transactions up to ``last``.
        last: last day that they cover.
        yearly: categories of bills, which follow the user's own calendar and have no common shape.
        priors: changepoint_prior, seasonality_prior, festival_prior.
        threads: fits at the same time.
        progress: is told the finished fraction.
    """
    debits = spending(rows)
    joined = rows.groupby("user_id")["timestamp"].min().dt.normalize()
    ordinary = debits[~debits["category"].isin(yearly)]
    series = {ALL: pooled(ordinary if len(ordinary) else debits, joined, last, strict=False)}
    for category, part in ordinary.groupby("category"):
        series[str(category)] = pooled(part, joined, last, strict=True)
    series = {name: values for name, values in series.items() if values is not None}
    holidays = holiday_table(series[ALL]["ds"].min().year, last.year + 2)
    fitted = {}
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(lambda values: fit_shape(values, holidays, priors), series.values())
        for name, model in zip(series, made, strict=True):
            fitted[name] = model
            progress(len(fitted) / len(series), f"season of {name or 'all ordinary spending'}")
    return Shapes(fitted)


def to_json(model) -> str:
    """Prophet's own JSON without what predicting does not need: the rows it was fitted on, and the holidays."""
    from prophet.serialize import model_to_json

    light = copy.copy(model)
    light.history = model.history[["ds", "y"]].tail(1)
    light.history_dates = model.history_dates.tail(1)
    light.holidays = None
    return model_to_json(light)


def from_json(text: str):
    """A Prophet that ``to_json`` wrote. Its holidays are computed when a year is asked for."""
    from prophet.serialize import model_from_json

    quiet()
    return model_from_json(text)
