"""From a user's monthly history and what all users share to the forecast of the months and days ahead."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nivesh.features.spending_history import History, first_day, number
from nivesh.models.spending_predictor.seasonality import ALL, SharedSeasonality, silence_prophet

if TYPE_CHECKING:
    from prophet import Prophet

OCCASIONAL = "occasional"
LEVEL_MONTHS = 18
MIN_USER_MONTHS = 6
# Two payments are the same yearly bill when their logarithms differ by less.
SAME_BILL = 0.5
PRIOR_PAIRS = 2.0
UNKNOWN_BILL = 1 / 3


@dataclass(frozen=True)
class PopulationParams:
    """What all users share besides the seasonality.

    Attributes:
        bills: by category, how often a payment recurs in the same month of the next year (0 to 1).
        bill_growth: factor on such a payment after a year.
        segments: income bands, lowest first, for users with little history: from_income (rupees a month), level
            (median regular spending of a month, rupees), share_of_income (the same as a share), shares (by category).
        low, high: by number of months in the sum, 10th and 90th percentile of the error in units of
            ``MonthlyForecast.spread``.
    """

    bills: dict[str, float]
    bill_growth: float
    segments: list[dict[str, Any]]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class MonthlyForecast:
    """Forecast of whole months. Arrays have the shape (months,).

    Attributes:
        months: month numbers.
        total: rupees of each month.
        by_category: rupees of each month by category; sums to ``total``.
        spread: standard deviation of a month around its forecast, in rupees.
    """

    months: np.ndarray
    total: np.ndarray
    by_category: dict[str, np.ndarray]
    spread: np.ndarray


def forecast(
    history: History, seasonality: SharedSeasonality, params: PopulationParams, own: "Prophet | None", ahead: int
) -> MonthlyForecast:
    """Forecast the months after the history's last whole month.

    Args:
        history: the user's months; may be empty.
        seasonality, params: what was learned from all users.
        own: the user's Prophet of ``fit_own``, or None to use the level of the known months and of the segment.
        ahead: number of months.
    """
    known = len(history.months)
    months = history.first_month + known + np.arange(ahead)
    bills = bill_rows(history, params.bills)
    values = regular_spending(history, seasonality, bills)
    if own is not None:
        level = own_level(own, int(months[0]))
    else:
        level = (known * huber_mean(values) + segment_level(history, params)) / (known + 1)
    season = seasonality.monthly(ALL, months)
    due = [year_before(amounts, ahead, params.bill_growth) for amounts in history.amounts[bills]]
    due_by_category = dict(zip(np.array(history.categories)[bills].tolist(), due, strict=True))
    parts = {
        name: forecast_category(history.amounts[row], history.months, months, seasonality, name)
        for row, name in enumerate(history.categories)
        if not bills[row]
    }
    if not known:
        parts = {
            name: np.full(ahead, level * share)
            for name, share in segment_of(history, params.segments)["shares"].items()
        }
    parts = {name: value for name, value in parts.items() if value.any()}
    rest = level * season - sum(parts.values(), np.zeros(ahead))
    # The month of a bill is unknown until a whole year is known; until then its mean is expected in every month.
    unknown = np.arange(ahead) < 12 - known
    rest = rest + unknown * (history.amounts[bills].mean(1).sum() if known else 0.0)
    # The median of each category bought in few months is 0; that of their sum is not.
    parts[OCCASIONAL] = parts.get(OCCASIONAL, 0.0) + np.maximum(rest, 0.0)
    by_category = {name: value for name, value in {**parts, **due_by_category}.items() if value.any()}
    total = sum(by_category.values(), np.zeros(ahead))
    noise = 1.4826 * np.median(np.abs(values - level)) if known else 0.0
    prior_noise = 0.25 * level
    spread = np.sqrt((known * noise**2 + 6 * prior_noise**2) / (known + 6))
    return MonthlyForecast(months, total, by_category, np.maximum(spread * season, 1.0))


def forecast_category(
    amounts: np.ndarray, known: np.ndarray, months: np.ndarray, seasonality: SharedSeasonality, name: str
) -> np.ndarray:
    """Forecast one category that is no yearly bill.

    A constant amount is repeated; a category bought in most months follows the shared seasonality; for the others the
    median is forecast.

    Args:
        amounts: rupees of the known months, oldest first.
        known, months: month numbers of ``amounts`` and of the forecast.
        seasonality: what all users share.
        name: the category.
    """
    recent = amounts[-6:]
    center = np.median(recent)
    if np.mean(amounts > 0) <= 0.6 or center <= 0:
        return np.full(len(months), float(np.median(amounts[-LEVEL_MONTHS:])))
    if len(recent) >= 3 and np.mean(np.abs(recent - center) < 0.02 * center) >= 0.5:
        return np.full(len(months), float(np.median(amounts[-3:])))
    level = huber_mean((amounts / seasonality.monthly(name, known))[-LEVEL_MONTHS:])
    return np.maximum(level * seasonality.monthly(name, months), 0.0)


def bill_rows(history: History, rates: dict[str, float]) -> np.ndarray:
    """Mask of the user's categories that are yearly bills: ``PopulationParams.bills`` and the user's own payments."""
    found = np.zeros(len(history.categories), bool)
    for row, name in enumerate(history.categories):
        amounts = history.amounts[row]
        if np.mean(amounts > 0) > 0.6:
            continue
        hits, pairs = count_recurring(amounts)
        score = (hits + PRIOR_PAIRS * rates.get(name, UNKNOWN_BILL)) / (pairs + PRIOR_PAIRS)
        found[row] = score > 0.5
    return found


def count_recurring(amounts: np.ndarray) -> tuple[int, int]:
    """(months with about the amount of a year before, months with a payment now or a year before)."""
    before, now = amounts[:-12], amounts[12:]
    pairs = (before > 0) | (now > 0)
    both = (before > 0) & (now > 0)
    ratio = np.abs(np.log(np.where(both, now, 1.0) / np.where(both, before, 1.0)))
    return int((both & (ratio < SAME_BILL)).sum()), int(pairs.sum())


def year_before(amounts: np.ndarray, ahead: int, growth: float) -> np.ndarray:
    """The same months of the last year times ``growth``, 0 where the history does not reach back. Shape (ahead,)."""
    known = list(amounts)
    for _ in range(ahead):
        known.append(known[-12] * growth if len(known) >= 12 else 0.0)
    return np.array(known[len(amounts) :])


def huber_mean(values: np.ndarray, width: float = 1.5) -> float:
    """Huber's mean: values are clipped to ``width`` robust standard deviations; 0 for no values."""
    if not len(values):
        return 0.0
    center = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - center))
    for _ in range(5):
        center = np.clip(values, center - width * spread, center + width * spread).mean()
    return float(center)


def regular_spending(history: History, seasonality: SharedSeasonality, bills: np.ndarray) -> np.ndarray:
    """A user's deseasonalised spending of each month without yearly bills, in rupees. Shape (months,)."""
    return history.amounts[~bills].sum(0) / seasonality.monthly(ALL, history.months)


def fit_own(history: History, values: np.ndarray) -> "Prophet | None":
    """A user's own Prophet of regular spending: a constant level, and the effect of income.

    Trend and seasonality come from all users: those of one user's 24 months are mostly noise, and a trend of one user's
    own made the held-out error larger (docs/experiments). Returns None for a short history.
    """
    if len(values) < MIN_USER_MONTHS or values.max() <= 0:
        return None
    from prophet import Prophet

    silence_prophet()
    values, income = values[-LEVEL_MONTHS:], history.income[-LEVEL_MONTHS:]
    center = np.median(values)
    far = 1.5 * 1.4826 * np.median(np.abs(values - center))
    months = [pd.Timestamp(first_day(int(month))) for month in history.months[-LEVEL_MONTHS:]]
    frame = pd.DataFrame({"ds": months, "y": np.clip(values, center - far, center + far)})
    frame["income"] = income_change(income, history.earning)
    model = Prophet(
        growth="flat",
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        uncertainty_samples=0,
    )
    model.add_regressor("income", prior_scale=0.5, standardize=False)
    return model.fit(frame)


def own_level(own: "Prophet", month: int) -> float:
    """Regular spending of a month ahead by the user's own Prophet, at the present income, in rupees."""
    dates = pd.DataFrame({"ds": [pd.Timestamp(first_day(month))], "income": [0.0]})
    return float(max(own.predict(dates)["yhat"].iloc[0], 0.0))


def income_change(income: np.ndarray, now: float) -> np.ndarray:
    """Logarithm of each month's income over the present one, within a factor of 2, smoothed by a median of 3 months."""
    if now <= 0:
        return np.zeros(len(income))
    smooth = pd.Series(income).rolling(3, min_periods=1, center=True).median().to_numpy()
    return np.log(np.clip(smooth / now, 0.5, 2.0))


def segment_of(history: History, segments: list[dict[str, Any]]) -> dict[str, Any]:
    """The segment of a user: the band of the present income, the first where the income is unknown."""
    return [segment for segment in segments if segment is segments[0] or history.earning >= segment["from_income"]][-1]


def segment_level(history: History, params: PopulationParams) -> float:
    """Regular spending of a month of users with this income, in rupees."""
    segment = segment_of(history, params.segments)
    return segment["share_of_income"] * history.earning if history.earning > 0 else segment["level"]


def by_day(monthly: MonthlyForecast, seasonality: SharedSeasonality, first: date, days: int) -> dict[str, np.ndarray]:
    """Distribute each month's amount over its days by the shared seasonality.

    Returns:
        By category, rupees of ``days`` days from ``first`` on; days of months outside of the forecast have 0.
    """
    start = first_day(int(monthly.months[0]))
    end = first_day(int(monthly.months[-1]) + 1)
    length = (end - start).days
    month_of_day = np.repeat(np.arange(len(monthly.months)), [_days_in(int(month)) for month in monthly.months])
    offset = (first - start).days
    result = {}
    for name, amounts in monthly.by_category.items():
        weight = seasonality.daily(name, start, length)
        sums = np.bincount(month_of_day, weight)
        result[name] = (weight / sums[month_of_day] * amounts[month_of_day])[offset : offset + days]
    return result


def _days_in(month: int) -> int:
    return (first_day(month + 1) - first_day(month)).days


def interval(
    monthly: MonthlyForecast, params: PopulationParams, amount: float, fractions: np.ndarray
) -> tuple[float, float]:
    """The 80 % prediction interval of a sum over months, in rupees.

    Args:
        monthly: the forecast of whole months.
        params: has the measured errors of sums over 1, 2, … months.
        amount: the forecast of the sum.
        fractions: fraction of each month of the forecast that is in the sum, shape (months,).
    """
    span = max(float(fractions.sum()), 1e-9)
    at = min(max(round(span), 1), len(params.low)) - 1
    width = float((monthly.spread * fractions).sum()) * max(1.0, 1 / np.sqrt(span))
    low, high = amount + params.low[at] * width, amount + params.high[at] * width
    return max(min(low, amount), 0.0), max(high, amount)


def window(history: History, days: int) -> tuple[date, date, int]:
    """(first day, last day, months to forecast) of a horizon of this many days after the history."""
    after = history.first_month + len(history.months)
    # A month that lacks its very last days counts as whole; those days are not forecast again.
    first = max(history.last + timedelta(days=1), first_day(after))
    last = first + timedelta(days=days - 1)
    return first, last, number(last) - after + 1
