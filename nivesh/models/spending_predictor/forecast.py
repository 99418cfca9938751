"""From a user's monthly history and what all users share to the forecast of the coming months."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from nivesh.features.spending_history import History, first_day, number
from nivesh.models.spending_predictor.intervals import IntervalTable
from nivesh.models.spending_predictor.seasonality import ALL, SharedSeasonality
from nivesh.models.spending_predictor.user_level import (
    LEVEL_MONTHS,
    MONTH_NOISE,
    LevelPriors,
    estimate_level,
    huber_mean,
    robust_sd,
)

OCCASIONAL = "occasional"
MIN_USER_MONTHS = 6
# Chosen by the pinball loss on simulated users (docs/experiments/spending_predictor.md): weight of MONTH_NOISE beside a
# user's own, in months; further variance of a level known from one month; spread of a yearly bill, as a part of it, whose
# month is known or not.
NOISE_PRIOR_MONTHS = 12
LEVEL_VARIANCE = 2
DATED_BILL_NOISE, UNDATED_BILL_NOISE = 0.4, 1.0
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
        intervals: quantiles of scaled errors.
        level_priors: priors of a user's own level.
    """

    bills: dict[str, float]
    bill_growth: float
    segments: list[dict[str, Any]]
    intervals: IntervalTable
    level_priors: LevelPriors = field(default_factory=LevelPriors)


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


def forecast(history: History, seasonality: SharedSeasonality, params: PopulationParams, ahead: int) -> MonthlyForecast:
    """Forecast the months after the history's last whole month.

    Args:
        history: the user's months; may be empty.
        seasonality, params: what was learned from all users.
        ahead: number of months.
    """
    known = len(history.months)
    months = history.first_month + known + np.arange(ahead)
    bills = bill_rows(history, params.bills)
    values = regular_spending(history, seasonality, bills)
    expected = segment_level(history, params)
    level = estimate_level(values, history.income, history.earning, expected, params.level_priors)
    season = seasonality.monthly(ALL, months)
    due = {
        name: year_before(amounts, ahead, params.bill_growth)
        for name, amounts, is_bill in zip(history.categories, history.amounts, bills, strict=True)
        if is_bill
    }
    if known:
        parts = forecast_categories(history, bills, months, seasonality)
    else:
        shares = segment_of(history, params.segments)["shares"]
        parts = {name: np.full(ahead, level * share) for name, share in shares.items()}
    rest = level * season - sum(parts.values(), np.zeros(ahead))
    # The month of a bill is unknown until a whole year is known; until then its mean is expected in every month.
    undated = (np.arange(ahead) < 12 - known) * (history.amounts[bills].mean(1).sum() if known else 0.0)
    # The median of each category bought in few months is 0; that of their sum is not.
    parts[OCCASIONAL] = parts.get(OCCASIONAL, 0.0) + np.maximum(rest + undated, 0.0)
    by_category = {name: value for name, value in {**parts, **due}.items() if value.any()}
    noise = float(robust_sd(values - level)) if known else 0.0
    variance = (known * noise**2 + NOISE_PRIOR_MONTHS * (MONTH_NOISE * level) ** 2) / (known + NOISE_PRIOR_MONTHS)
    variance *= 1 + LEVEL_VARIANCE / max(known, 1)
    dated = sum(due.values(), np.zeros(ahead))
    bill_noise = DATED_BILL_NOISE * dated + UNDATED_BILL_NOISE * undated
    spread = np.sqrt(variance * season**2 + bill_noise**2)
    total = sum(by_category.values(), np.zeros(ahead))
    return MonthlyForecast(months, total, by_category, np.maximum(spread, 1.0))


def forecast_categories(
    history: History, bills: np.ndarray, months: np.ndarray, seasonality: SharedSeasonality
) -> dict[str, np.ndarray]:
    """Forecast each category that is no yearly bill; those with nothing to expect are left out.

    A constant amount is repeated; a category bought in most months follows the shared seasonality; for the others the
    median is forecast.

    Args:
        history: the user's months, at least one.
        bills: mask of ``bill_rows``.
        months: month numbers to forecast.
        seasonality: what all users share.
    """
    amounts = history.amounts
    recent = amounts[:, -6:]
    center = np.median(recent, axis=1)
    often = (np.mean(amounts > 0, axis=1) > 0.6) & (center > 0)
    near = np.abs(recent - center[:, None]) < 0.02 * center[:, None]
    constant = often & (recent.shape[1] >= 3) & (near.mean(1) >= 0.5)
    repeated = np.where(constant, np.median(amounts[:, -3:], axis=1), np.median(amounts[:, -LEVEL_MONTHS:], axis=1))
    seasonal = np.flatnonzero(often & ~constant & ~bills).tolist()
    factors = [seasonality.monthly(history.categories[row], history.months) for row in seasonal]
    levels = huber_mean((amounts[seasonal] / np.reshape(factors, (-1, amounts.shape[1])))[:, -LEVEL_MONTHS:])
    result = {
        history.categories[row]: level * seasonality.monthly(history.categories[row], months)
        for row, level in zip(seasonal, levels.tolist(), strict=True)
    }
    for row in np.flatnonzero((constant | ~often) & ~bills & (repeated > 0)).tolist():
        result[history.categories[row]] = np.full(len(months), repeated[row])
    return result


def bill_rows(history: History, rates: dict[str, float]) -> np.ndarray:
    """Mask of the user's categories that are yearly bills: ``PopulationParams.bills`` and the user's own payments."""
    found = np.zeros(len(history.categories), bool)
    rare = np.mean(history.amounts > 0, axis=1) <= 0.6 if history.amounts.size else found
    for row in np.flatnonzero(rare).tolist():
        hits, pairs = count_recurring(history.amounts[row])
        rate = rates.get(history.categories[row], UNKNOWN_BILL)
        found[row] = (hits + PRIOR_PAIRS * rate) / (pairs + PRIOR_PAIRS) > 0.5
    return found


def count_recurring(amounts: np.ndarray) -> tuple[int, int]:
    """(months with about the amount of a year before, months with a payment now or a year before)."""
    before, now = amounts[:-12], amounts[12:]
    pairs = (before > 0) | (now > 0)
    both = (before > 0) & (now > 0)
    ratio = np.abs(np.log(now[both] / before[both]))
    return int((ratio < SAME_BILL).sum()), int(pairs.sum())


def year_before(amounts: np.ndarray, ahead: int, growth: float) -> np.ndarray:
    """The same months of the last year times ``growth``, 0 where the history does not reach back. Shape (ahead,)."""
    known = list(amounts)
    for _ in range(ahead):
        known.append(known[-12] * growth if len(known) >= 12 else 0.0)
    return np.array(known[len(amounts) :])


def regular_spending(history: History, seasonality: SharedSeasonality, bills: np.ndarray) -> np.ndarray:
    """A user's deseasonalised spending of each month without yearly bills, in rupees. Shape (months,)."""
    return history.amounts[~bills].sum(0) / seasonality.monthly(ALL, history.months)


def segment_of(history: History, segments: list[dict[str, Any]]) -> dict[str, Any]:
    """The segment of a user: the band of the present income, the first where the income is unknown."""
    return [segment for segment in segments if segment is segments[0] or history.earning >= segment["from_income"]][-1]


def segment_level(history: History, params: PopulationParams) -> float:
    """Regular spending of a month of users with this income, in rupees."""
    segment = segment_of(history, params.segments)
    return segment["share_of_income"] * history.earning if history.earning > 0 else segment["level"]


def method(history: History) -> str:
    """What a forecast rests on: "user", the own history, or "segment", mostly users of similar income."""
    return "user" if len(history.months) >= MIN_USER_MONTHS and history.amounts.any() else "segment"


def window(history: History, days: int) -> tuple[date, date, int]:
    """(first day, last day, months to forecast) of a horizon of this many days after the history."""
    after = history.first_month + len(history.months)
    # A month that lacks its very last days counts as whole; those days are not forecast again.
    first = max(history.last + timedelta(days=1), first_day(after))
    last = first + timedelta(days=days - 1)
    return first, last, number(last) - after + 1
