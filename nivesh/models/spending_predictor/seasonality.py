"""The seasonality that all users share, evaluated with NumPy: trend, year, month, week and Indian festivals."""

import functools
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from nivesh.features.festivals import FIRST_YEAR, LAST_YEAR, festivals
from nivesh.features.spending_history import first_day

ALL = ""  # all regular spending; also used for a category without a curve of its own
# Days before a festival on which households buy for it.
LEAD_DAYS = {
    "Diwali": 21, "Dussehra": 10, "Eid al-Fitr": 8, "Eid al-Adha": 5, "Holi": 6, "Raksha Bandhan": 7, "Onam": 8,
    "Pongal": 7, "Christmas": 10, "Ganesh Chaturthi": 5, "Independence Day": 4, "Republic Day": 4,
}  # fmt: skip
# Factors outside of what is ever observed come from an extrapolated trend.
MIN_FACTOR, MAX_FACTOR = 0.05, 5.0


@functools.cache
def festival_dates(year: int) -> list[tuple[date, str]]:
    """The festivals of a year that change spending, sorted by date; none for a year without known dates."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return []
    table = festivals([year])
    table = table[table["name"].isin(LEAD_DAYS)]
    return [(day.date(), str(name)) for day, name in zip(table["date"], table["name"], strict=True)]


@functools.cache
def festival_weeks(year: int) -> dict[str, np.ndarray]:
    """The days before each festival of a year, grouped by week.

    Two or three Diwalis support one coefficient per week, not one per day.

    Returns:
        Dates (datetime64[D]) by a name such as "Diwali" or "Diwali, 2 weeks before".
    """
    weeks: dict[str, set[date]] = {}
    for day, name in festival_dates(year):
        for before in range(LEAD_DAYS[name] + 1):
            week = name if before < 7 else f"{name}, {before // 7 + 1} weeks before"
            weeks.setdefault(week, set()).add(day - timedelta(days=before))
    return {week: np.array(sorted(days), "datetime64[D]") for week, days in weeks.items()}


def festivals_between(first: date, last: date) -> list[dict[str, str]]:
    """The festivals that change spending, from the first to the last day: ``date`` (ISO) and ``name``."""
    return [
        {"date": day.isoformat(), "name": name}
        for year in range(first.year, last.year + 1)
        for day, name in festival_dates(year)
        if first <= day <= last
    ]


@dataclass(frozen=True)
class SeasonalCurve:
    """A fitted Prophet with a multiplicative seasonality, as numbers; ``prophet_fit.to_curve`` makes it.

    Attributes:
        start: ISO date at which Prophet's time is 0.
        days: length of Prophet's unit of time in days.
        offset, growth: trend at time 0, and its change per unit of time, in multiples of an average day.
        changepoints, growth_changes: times at which the growth changes, and by how much.
        periods: length in days of each Fourier series by its name: yearly, monthly, weekly.
        coefficients: sine and cosine coefficients of each order by the name of the series, as parts of the trend.
        festivals: effect of each week of ``festival_weeks``, as parts of the trend.
    """

    start: str
    days: float
    offset: float
    growth: float
    changepoints: list[float]
    growth_changes: list[float]
    periods: dict[str, float]
    coefficients: dict[str, list[float]]
    festivals: dict[str, float]

    def components(self, dates: np.ndarray) -> dict[str, np.ndarray]:
        """Trend (multiples of an average day), each Fourier series and ``festivals`` (parts of the trend).

        Args:
            dates: datetime64[D], shape (days,); every component has the same shape.
        """
        time = (dates - np.datetime64(self.start, "D")).astype(float) / self.days
        after = np.maximum(time[:, None] - np.array(self.changepoints), 0.0)
        parts = {"trend": self.offset + self.growth * time + after @ np.array(self.growth_changes)}
        angle = 2 * np.pi * dates.astype("datetime64[D]").astype(float)[:, None]
        for name, period in self.periods.items():
            both = np.array(self.coefficients[name]).reshape(-1, 2)
            order = np.arange(1, len(both) + 1) / period
            parts[name] = np.sin(angle * order) @ both[:, 0] + np.cos(angle * order) @ both[:, 1]
        parts["festivals"] = np.zeros(len(dates))
        years = dates.astype("datetime64[Y]").astype(int) + 1970
        # A festival of early January has days of December before it.
        for week, effect in self.festivals.items():
            known = [festival_weeks(int(year)).get(week) for year in range(years.min(), years.max() + 2)]
            days = [days for days in known if days is not None]
            if days:
                parts["festivals"] += effect * np.isin(dates, np.concatenate(days))
        return parts

    def values(self, dates: np.ndarray) -> np.ndarray:
        """Factors of these days (datetime64[D]), 1 being an average day."""
        parts = self.components(dates)
        trend = parts.pop("trend")
        return np.clip(trend * (1 + sum(parts.values())), MIN_FACTOR, MAX_FACTOR)


class SharedSeasonality:
    """Seasonal curves by category. Their factors are computed once per year and kept."""

    def __init__(self, curves: dict[str, SeasonalCurve]):
        self.curves = curves
        self._years: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}

    def monthly(self, category: str, months: np.ndarray) -> np.ndarray:
        """Mean factor of each of consecutive month numbers; of ``ALL`` for an unknown category. Shape as of ``months``."""
        if not len(months):
            return np.empty(0)
        first, last = int(months[0]), int(months[-1])
        years = [self._year(category, year)[1] for year in range(first // 12, last // 12 + 1)]
        return np.concatenate(years)[first % 12 :][: len(months)]

    def share(self, category: str, month: int, first: date, last: date) -> float:
        """Part of a month's spending that falls on its days from ``first`` to ``last``, 0 to 1."""
        until = self._year(category, month // 12)[0]
        january = date(month // 12, 1, 1).toordinal()
        start, end = first_day(month).toordinal() - january, first_day(month + 1).toordinal() - january
        inside_from = min(max(first.toordinal() - january, start), end)
        inside_to = min(max(last.toordinal() + 1 - january, inside_from), end)
        return float((until[inside_to] - until[inside_from]) / (until[end] - until[start]))

    def prepare(self, years: range) -> None:
        """Compute the factors of these years, so that no request has to."""
        for category in self.curves:
            for year in years:
                self._year(category, year)

    def _year(self, category: str, year: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums of the daily factors before each day of a year, shape (days + 1,), and mean factors of its months."""
        key = (category if category in self.curves else ALL, year)
        if key not in self._years:  # two threads may both compute a year: they store the same values
            dates = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
            until = np.concatenate([[0.0], np.cumsum(self.curves[key[0]].values(dates))])
            edges = [first_day(year * 12 + month).toordinal() - date(year, 1, 1).toordinal() for month in range(13)]
            self._years[key] = until, np.diff(until[edges]) / np.diff(edges)
        return self._years[key]
