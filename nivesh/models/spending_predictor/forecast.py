"""From a user's history and the common shapes to the months and days ahead."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from nivesh.features.spending_history import History, first_day, number
from nivesh.models.spending_predictor.shapes import ALL, WINDOWS, Shapes, holiday_table, quiet

OCCASIONAL = "occasional"
LEVEL_MONTHS = 18
OWN_MONTHS = 6
# A bill comes back after a year at about the same amount.
SAME_BILL = 0.5
PRIOR_PAIRS = 2.0
UNKNOWN_BILL = 1 / 3


@dataclass(frozen=True)
class Common:
    """What all users share besides the shapes.

    Attributes:
        bills: by category, how often a payment comes back in the same month of the next year (0 to 1).
        bill_growth: factor on such a payment after a year.
        segments: income bands, lowest first, for users with little history: from_income (rupees a month), level
            (usual month's ordinary spending, rupees), share_of_income (the same as a share), shares (by category).
        low, high: by number of months in the sum, 10 % and 90 % points of the error in units of ``Outlook.spread``.
    """

    bills: dict[str, float]
    bill_growth: float
    segments: list[dict]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Outlook:
    """Forecast of whole months.

    Attributes:
        months: numbers of the months.
        total: rupees of each month.
        by_category: rupees of each month by category; sums to ``total``.
        spread: usual distance of a month from its forecast, in rupees.
    """

    months: np.ndarray
    total: np.ndarray
    by_category: dict[str, np.ndarray]
    spread: np.ndarray


def bill_rows(history: History, common: Common) -> np.ndarray:
    """Which of a user's categories are yearly bills, from all users' habits and the user's own payments."""
    found = np.zeros(len(history.categories), bool)
    for row, name in enumerate(history.categories):
        amounts = history.amounts[row]
        if np.mean(amounts > 0) > 0.6:
            continue
        hits, pairs = returning(amounts)
        score = (hits + PRIOR_PAIRS * common.bills.get(name, UNKNOWN_BILL)) / (pairs + PRIOR_PAIRS)
        found[row] = score > 0.5
    return found


def returning(amounts: np.ndarray) -> tuple[int, int]:
    """(months paid about the same as a year before, months paid now or a year before)."""
    before, now = amounts[:-12], amounts[12:]
    pairs = (before > 0) | (now > 0)
    both = (before > 0) & (now > 0)
    ratio = np.abs(np.log(np.where(both, now, 1.0) / np.where(both, before, 1.0)))
    return int((both & (ratio < SAME_BILL)).sum()), int(pairs.sum())


def year_before(amounts: np.ndarray, ahead: int, growth: float) -> np.ndarray:
    """The same months of the last year, 0 where the history does not reach back."""
    known = list(amounts)
    for _ in range(ahead):
        known.append(known[-12] * growth if len(known) >= 12 else 0.0)
    return np.array(known[len(amounts) :])


def usual(values: np.ndarray, width: float = 1.5) -> float:
    """Huber's mean: months far from the others count only as far as ``width`` standard deviations."""
    if not len(values):
        return 0.0
    center = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - center))
    for _ in range(5):
        center = np.clip(values, center - width * spread, center + width * spread).mean()
    return float(center)


def ordinary(history: History, shapes: Shapes, bills: np.ndarray) -> np.ndarray:
    """A user's spending of each month without yearly bills, in rupees of a month with shape 1."""
    return history.amounts[~bills].sum(0) / shapes.monthly(ALL, history.months)


def fit_own(history: History, values: np.ndarray):
    """A user's own Prophet of ordinary spending: one level, and how it follows the income.

    The trend and the seasons come from the shapes: those of one user's 24 months are mostly noise, and a
    trend of one user's own made the held-out error larger. None is returned for a short history.
    """
    if len(values) < OWN_MONTHS or values.max() <= 0:
        return None
    from prophet import Prophet

    quiet()
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


def income_change(income: np.ndarray, now: float) -> np.ndarray:
    """Logarithm of each month's income over the present one, within a factor of 2; single odd months are smoothed."""
    if now <= 0:
        return np.zeros(len(income))
    smooth = pd.Series(income).rolling(3, min_periods=1, center=True).median().to_numpy()
    return np.log(np.clip(smooth / now, 0.5, 2.0))


def own_level(model, month: int) -> float:
    """The level of a month ahead by a user's own Prophet, at the present income."""
    dates = pd.DataFrame({"ds": [pd.Timestamp(first_day(month))], "income": [0.0]})
    return float(max(model.predict(dates)["yhat"].iloc[0], 0.0))


def segment_of(history: History, segments: list[dict]) -> dict:
    """The segment of a user: the band of the present income, the first where the income is unknown."""
    return [one for one in segments if one is segments[0] or history.earning >= one["from_income"]][-1]


def segment_level(history: History, common: Common) -> float:
    """A usual month's ordinary spending of people with this income, in rupees."""
    segment = segment_of(history, common.segments)
    return segment["share_of_income"] * history.earning if history.earning > 0 else segment["level"]


def outlook(history: History, shapes: Shapes, common: Common, own, ahead: int) -> Outlook:
    """Forecast the months after the history's last whole month.

    Args:
        history: the user's months; may be empty.
        shapes, common: what was learnt from all users.
        own: the user's Prophet of ``fit_own``, or None for the level of the months at hand and the segment's.
        ahead: number of months.
    """
    known = len(history.months)
    months = history.first_month + known + np.arange(ahead)
    bills = bill_rows(history, common)
    values = ordinary(history, shapes, bills)
    if own is not None:
        level = own_level(own, int(months[0]))
    else:
        level = (known * usual(values) + segment_level(history, common)) / (known + 1)
    season = shapes.monthly(ALL, months)
    due = [year_before(amounts, ahead, common.bill_growth) for amounts in history.amounts[bills]]
    due = dict(zip(np.array(history.categories)[bills].tolist(), due, strict=True))
    parts = {
        name: everyday(history.amounts[row], history.months, months, shapes, name)
        for row, name in enumerate(history.categories)
        if not bills[row]
    }
    if not known:
        parts = {
            name: np.full(ahead, level * share)
            for name, share in segment_of(history, common.segments)["shares"].items()
        }
    parts = {name: value for name, value in parts.items() if value.any()}
    rest = level * season - sum(parts.values(), np.zeros(ahead))
    # A bill of which a whole year is not known yet has no month of its own; its share of every month is expected.
    unknown = np.arange(ahead) < 12 - known
    rest = rest + unknown * (history.amounts[bills].mean(1).sum() if known else 0.0)
    # What is bought in few months only has a most likely amount of 0 each; together they are never 0.
    parts[OCCASIONAL] = parts.get(OCCASIONAL, 0.0) + np.maximum(rest, 0.0)
    by_category = {name: value for name, value in {**parts, **due}.items() if value.any()}
    total = sum(by_category.values(), np.zeros(ahead))
    noise = 1.4826 * np.median(np.abs(values - level)) if known else 0.0
    usual_noise = 0.25 * level
    spread = np.sqrt((known * noise**2 + 6 * usual_noise**2) / (known + 6))
    return Outlook(months, total, by_category, np.maximum(spread * season, 1.0))


def everyday(amounts: np.ndarray, then: np.ndarray, months: np.ndarray, shapes: Shapes, name: str) -> np.ndarray:
    """Forecast of one category that is no yearly bill.

    The same amount every month stays as it is; what is bought in most months follows the common shape; the
    rest has a most likely amount of its median.
    """
    recent = amounts[-6:]
    center = np.median(recent)
    if np.mean(amounts > 0) <= 0.6 or center <= 0:
        return np.full(len(months), float(np.median(amounts[-LEVEL_MONTHS:])))
    if len(recent) >= 3 and np.mean(np.abs(recent - center) < 0.02 * center) >= 0.5:
        return np.full(len(months), float(np.median(amounts[-3:])))
    level = usual((amounts / shapes.monthly(name, then))[-LEVEL_MONTHS:])
    return np.maximum(level * shapes.monthly(name, months), 0.0)


def by_day(look: Outlook, shapes: Shapes, first: date, days: int) -> dict[str, np.ndarray]:
    """Forecast of each day by category: a month's amount spread over its days as all users spread theirs.

    Returns:
        By category, rupees of ``days`` days from ``first`` on; the days of months outside the outlook have 0.
    """
    start = first_day(int(look.months[0]))
    end = first_day(int(look.months[-1]) + 1)
    length = (end - start).days
    of_month = np.repeat(np.arange(len(look.months)), [_length(int(month)) for month in look.months])
    offset = (first - start).days
    result = {}
    for name, amounts in look.by_category.items():
        weight = shapes.daily(name, start, length)
        sums = np.bincount(of_month, weight)
        result[name] = (weight / sums[of_month] * amounts[of_month])[offset : offset + days]
    return result


def _length(month: int) -> int:
    return (first_day(month + 1) - first_day(month)).days


def interval(look: Outlook, common: Common, amount: float, fractions: np.ndarray) -> tuple[float, float]:
    """The 80 % interval of a sum over months, some of them in part.

    Args:
        look: the forecast of whole months.
        common: holds the measured errors of sums over 1, 2, … months.
        amount: the forecast of the sum.
        fractions: share of each month of the outlook that is in the sum.
    """
    span = max(float(fractions.sum()), 1e-9)
    at = min(max(round(span), 1), len(common.low)) - 1
    width = float((look.spread * fractions).sum()) * max(1.0, 1 / np.sqrt(span))
    low, high = amount + common.low[at] * width, amount + common.high[at] * width
    return max(min(low, amount), 0.0), max(high, amount)


def window(history: History, days: int) -> tuple[date, date, int]:
    """(first day, last day, months to forecast) of a horizon of this many days after the history."""
    after = history.first_month + len(history.months)
    # A month that lacks its very last days counts as whole; those days are not forecast once more.
    first = max(history.last + timedelta(days=1), first_day(after))
    last = first + timedelta(days=days - 1)
    return first, last, number(last) - after + 1


def festivals_between(first: date, last: date) -> list[dict[str, str]]:
    """The festivals that move spending, from the first to the last day."""
    table = holiday_table(first.year, last.year)
    table = table[table["holiday"].isin(WINDOWS)]
    days = table.groupby(["holiday", table["ds"].dt.year.rename("year")])["ds"].max().reset_index()
    inside = days[(days["ds"] >= pd.Timestamp(first)) & (days["ds"] <= pd.Timestamp(last))].sort_values("ds")
    return [
        {"date": f"{day:%Y-%m-%d}", "name": name} for name, day in zip(inside["holiday"], inside["ds"], strict=True)
    ]
