"""Forecasts from earlier dates against what was really spent: for the intervals in training, and for the evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import EDGE_DAYS, History, first_day, histories, monthly, number, parse, spending
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor.forecast import MonthlyForecast, PopulationParams, forecast
from nivesh.models.spending_predictor.intervals import MAX_MONTHS, QUANTILES, SIMULATED, IntervalTable
from nivesh.models.spending_predictor.population import fit_population
from nivesh.models.spending_predictor.prophet_fit import MIN_DAYS
from nivesh.models.spending_predictor.seasonality import SharedSeasonality
from nivesh.models.spending_predictor.user_level import CANDIDATES, LevelPriors

MONTHS_BACK = (3, 6, 9, 12, 15, 18)
# Without a whole year before it, a forecast misses the yearly bills and would make all intervals too wide.
FULL_DAYS = 400
MAX_USERS = 300
# Quantiles of the training users count beside those of simulated users (SIMULATED) by the number of users and of dates:
# all users share the same months, so that one bad month of all would otherwise make every interval wide.
PRIOR_USERS = 50
PRIOR_DATES = 1
# Other priors than the first candidate must be better by this part of the error.
CLEARLY_BETTER = 0.01


@dataclass(frozen=True)
class Holdout:
    """Users' histories before a date and what they really spent from it on.

    Attributes:
        first: the date.
        histories: by user id, those with a whole month before and a whole month after the date.
        actual: by user id, rupees by categories × month numbers.
    """

    first: date
    histories: dict[str, History]
    actual: dict[str, pd.DataFrame]


def holdout(before: pd.DataFrame, after: pd.DataFrame, first: date) -> Holdout:
    """Split transactions into histories until ``first`` and actual months from it on.

    Args:
        before: transactions before ``first``.
        after: transactions from ``first`` on.
        first: first day to forecast.
    """
    actual = actual_months(after, first, after["timestamp"].max().date()) if len(after) else {}
    stored = histories(before, first - timedelta(days=1))
    # A user without one whole month has no naive forecast to compare with.
    known = {user: parse(features) for user, features in stored.items() if user in actual and features["income"]}
    return Holdout(first, known, {user: actual[user] for user in known})


def origin(test: pd.DataFrame) -> date:
    """First day of the test part of rows without a history: six months before their end, a third of a short file.

    Raises:
        DataError: less than three months.
    """
    first, last = test["timestamp"].min(), test["timestamp"].max()
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months < 3:
        raise DataError(f"{months} months are too few to evaluate forecasts on; give three months or more")
    held_out = min(6, months // 3)
    return ((last + pd.Timedelta(days=EDGE_DAYS)).to_period("M") - held_out).to_timestamp().date()


def first_test_day(history: pd.DataFrame, test: pd.DataFrame) -> date:
    """The first day to evaluate: the first of its month, unless rows of that month belong to the history."""
    first, before = test["timestamp"].min(), history["timestamp"].max()
    return first.date().replace(day=1) if before < first.to_period("M").to_timestamp() else first.date()


def actual_months(rows: pd.DataFrame, first: date, last: date) -> dict[str, pd.DataFrame]:
    """What was really spent in the whole months from ``first`` to ``last``.

    Returns:
        By user id a table of rupees, categories × month numbers. A user's months end with that of the user's last row,
        since a closed account is no spending of 0.
    """
    start = number(first) + (first.day > 1 + EDGE_DAYS)
    stop = number(last + timedelta(days=EDGE_DAYS)) - 1
    rows = rows[rows["timestamp"] >= pd.Timestamp(first)]
    table = monthly(spending(rows), ["user_id", "category"])
    ends = rows.groupby("user_id")["timestamp"].max()
    result = {}
    for user_id, amounts in table.groupby(level="user_id"):
        end = min(stop, number(ends[user_id].date() + timedelta(days=EDGE_DAYS)) - 1)
        if end >= start:
            months = range(start, end + 1)
            result[str(user_id)] = amounts.droplevel("user_id").reindex(columns=months, fill_value=0.0)
    return result


def forecast_actual_months(
    history: History, seasonality: SharedSeasonality, params: PopulationParams, actual: pd.DataFrame
) -> MonthlyForecast:
    """The forecast of the months of a table of ``actual_months``, from the history alone."""
    after = history.first_month + len(history.months)
    made = forecast(history, seasonality, params, int(actual.columns[-1]) - after + 1)
    skip = int(actual.columns[0]) - after
    parts = {name: amounts[skip:] for name, amounts in made.by_category.items()}
    return MonthlyForecast(made.months[skip:], made.total[skip:], parts, made.spread[skip:])


@dataclass(frozen=True)
class Trial:
    """What was learned from the rows before a date, and the users to try it on."""

    seasonality: SharedSeasonality
    params: PopulationParams
    held_out: Holdout

    def errors(self, priors: LevelPriors) -> list[tuple[np.ndarray, MonthlyForecast]]:
        """Actual minus forecast of each month's total in rupees, with the forecast, for each user."""
        params = replace(self.params, level_priors=priors)
        result = []
        for user, history in self.held_out.histories.items():
            actual = self.held_out.actual[user].iloc[:, :MAX_MONTHS]
            made = forecast_actual_months(history, self.seasonality, params, actual)
            result.append((actual.to_numpy().sum(0) - made.total, made))
        return result

    def relative_errors(self, priors: LevelPriors) -> list[float]:
        """Median absolute error of each user's months, as a part of the user's mean month before."""
        means = [max(float(history.amounts.sum(0).mean()), 1.0) for history in self.held_out.histories.values()]
        return [
            float(np.median(np.abs(error))) / mean for (error, _), mean in zip(self.errors(priors), means, strict=True)
        ]


def calibrate(
    rows: pd.DataFrame, last: date, priors: dict[str, float], threads: int, progress: Progress
) -> tuple[LevelPriors, IntervalTable]:
    """Choose the priors of the users' levels and the quantiles of the intervals by a rolling-origin back-test.

    Everything is fitted again on what came before each date, as for held-out rows.

    Args:
        rows: the training transactions.
        last: last day that they cover.
        priors: Prophet's prior scales; see ``training.fit``.
        threads: number of parallel fits.
        progress: gets the finished fraction and a text.
    """
    users = np.sort(rows["user_id"].unique())
    sample = set(users[:: -(-len(users) // MAX_USERS)])
    dates = rolling_origins(rows["timestamp"].min().date(), last)
    trials = []
    for turn, cut in enumerate(dates):
        early = rows["timestamp"] < pd.Timestamp(cut)
        report = partial(_report, progress, turn, len(dates), cut)
        before = rows[early]
        fitted = fit_population(before, cut - timedelta(days=1), priors, threads, report, by_category=False)
        tried = rows["user_id"].isin(sample)
        trials.append(Trial(*fitted, holdout(before[tried[early]], rows[~early & tried], cut)))
    chosen = choose_priors(trials)
    return chosen, interval_table([trial.errors(chosen) for trial in trials])


def rolling_origins(first: date, last: date) -> list[date]:
    """The dates of the back-test: every three months, each with enough history before it."""
    whole = number(last + timedelta(days=EDGE_DAYS))
    dates = [first_day(whole - back) for back in MONTHS_BACK]
    full = [cut for cut in dates if (cut - first).days >= FULL_DAYS]
    return full or [cut for cut in dates[:1] if (cut - first).days >= MIN_DAYS]


def choose_priors(trials: Sequence[Trial]) -> LevelPriors:
    """The candidate with the smallest mean relative error; the first one unless that is better beyond chance.

    Beyond chance: by ``CLEARLY_BETTER`` of the error, and by two standard errors of the users' paired differences.
    """
    errors = [np.array([error for trial in trials for error in trial.relative_errors(priors)]) for priors in CANDIDATES]
    if len(errors[0]) < 2:
        return CANDIDATES[0]
    best = int(np.argmin([values.mean() for values in errors]))
    gain = errors[0] - errors[best]
    needed = max(CLEARLY_BETTER * errors[0].mean(), 2 * gain.std(ddof=1) / np.sqrt(len(gain)))
    return CANDIDATES[best] if gain.mean() > needed else CANDIDATES[0]


def interval_table(errors: Sequence[list[tuple[np.ndarray, MonthlyForecast]]]) -> IntervalTable:
    """Quantiles of scaled errors, by month ahead and by the number of months summed.

    Args:
        errors: of each date, ``Trial.errors``.
    """
    months: list[list[list[float]]] = [[[] for _ in errors] for _ in range(MAX_MONTHS)]
    sums: list[list[list[float]]] = [[[] for _ in errors] for _ in range(MAX_MONTHS)]
    for at, users in enumerate(errors):
        for error, made in users:
            total, spread = np.cumsum(error), np.cumsum(made.spread)
            for ahead in range(len(error)):
                months[ahead][at].append(float(error[ahead] / made.spread[ahead]))
                sums[ahead][at].append(float(total[ahead] / spread[ahead]))
    return IntervalTable(
        [_shrunk_quantiles(*pair) for pair in zip(months, SIMULATED.months, strict=True)],
        [_shrunk_quantiles(*pair) for pair in zip(sums, SIMULATED.sums, strict=True)],
    )


def _shrunk_quantiles(by_date: list[list[float]], prior: list[float]) -> list[float]:
    dates = [values for values in by_date if values]
    if not dates:
        return prior
    users = max(map(len, dates))
    weight = users / (users + PRIOR_USERS) * len(dates) / (len(dates) + PRIOR_DATES)
    found = np.quantile(np.concatenate(dates), QUANTILES)
    return [round(float(weight * own + (1 - weight) * other), 4) for own, other in zip(found, prior, strict=True)]


def _report(progress: Progress, turn: int, dates: int, cut: date, fraction: float, text: str) -> None:
    progress((turn + fraction) / dates, f"back-test from {cut}: {text}")
