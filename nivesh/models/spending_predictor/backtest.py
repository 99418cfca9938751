"""Forecasts from earlier dates against what was really spent: for the intervals in training, and for the evaluation."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import EDGE_DAYS, History, first_day, histories, monthly, number, parse, spending
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor.forecast import MonthlyForecast, forecast
from nivesh.models.spending_predictor.inference import SpendingModel, fit_users
from nivesh.models.spending_predictor.population import fit_population
from nivesh.models.spending_predictor.seasonality import MIN_DAYS

# 10th and 90th percentile of the error of sums over 1 to 6 months, in units of their spread: measured on four files of 60
# simulated users each (docs/experiments/spending_predictor.md). They count like PRIOR_USERS users beside the errors of
# the training users, who share the same months: one bad month of all would otherwise make every interval wide.
LOW = (-1.07, -0.83, -0.71, -0.63, -0.55, -0.5)
HIGH = (2.0, 1.7, 1.4, 1.35, 1.3, 1.3)
PRIOR_USERS = 50
LONGEST_SPAN = len(LOW)
LONGEST_TEST = 12


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
    return ((last + pd.Timedelta(days=3)).to_period("M") - held_out).to_timestamp().date()


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


def forecast_actual_months(history: History, model: SpendingModel, own: Any, actual: pd.DataFrame) -> MonthlyForecast:
    """The forecast of the months of a table of ``actual_months``, from the history alone."""
    after = history.first_month + len(history.months)
    made = forecast(history, model.seasonality, model.params, own, int(actual.columns[-1]) - after + 1)
    skip = int(actual.columns[0]) - after
    parts = {name: amounts[skip:] for name, amounts in made.by_category.items()}
    return MonthlyForecast(made.months[skip:], made.total[skip:], parts, made.spread[skip:])


def interval_quantiles(
    rows: pd.DataFrame, last: date, priors: dict[str, float], threads: int, progress: Progress
) -> tuple[list[float], list[float]]:
    """10th and 90th percentile of the error of sums over 1 to 6 months, in units of their spread.

    Everything is fitted again on what came before 6 and 12 months ago, as for held-out rows.
    """
    errors: list[list[float]] = [[] for _ in range(LONGEST_SPAN)]
    people: set[str] = set()
    start = rows["timestamp"].min().date()
    whole = number(last + timedelta(days=EDGE_DAYS))
    for turn, back in enumerate((6, 12)):
        cut, end = first_day(whole - back), first_day(whole - back + 6)
        # Without a whole year before it, a forecast misses the yearly bills and would make all intervals too wide.
        if (cut - start).days < (MIN_DAYS if back == 6 else 400):
            continue
        report = partial(_report, progress, turn, back)
        before, until = rows[rows["timestamp"] < pd.Timestamp(cut)], cut - timedelta(days=1)
        start_quantiles = (list(LOW), list(HIGH))
        seasonality, params = fit_population(before, until, priors, start_quantiles, threads, partial(report, 0.0, 0.6))
        users = fit_users(histories(before, until), seasonality, params, threads, partial(report, 0.6, 1.0))
        trial = SpendingModel(seasonality, params, users, until, 365)
        actual = actual_months(rows[rows["timestamp"] < pd.Timestamp(end)], cut, min(end - timedelta(days=1), last))
        for found, more in zip(errors, scaled_errors(trial, actual), strict=True):
            found += more
        people |= users.keys() & actual.keys()
    weight = len(people) / (len(people) + PRIOR_USERS)
    low, high = list(LOW), list(HIGH)
    for at, values in enumerate(errors):
        if values:
            low[at] = weight * float(min(np.quantile(values, 0.1), 0.0)) + (1 - weight) * LOW[at]
            high[at] = weight * float(max(np.quantile(values, 0.9), 0.0)) + (1 - weight) * HIGH[at]
    return low, high


def _report(progress: Progress, turn: int, back: int, start: float, end: float, fraction: float, text: str) -> None:
    progress((turn + start + (end - start) * fraction) / 2, f"back-test of {back} months ago: {text}")


def scaled_errors(trial: SpendingModel, actual: dict[str, pd.DataFrame]) -> list[list[float]]:
    """Errors of the forecasts of a model's users in units of their spread, by the number of months summed."""
    errors: list[list[float]] = [[] for _ in range(LONGEST_SPAN)]
    for user_id in trial.users.keys() & actual.keys():
        history = parse(trial.users[user_id].stored)
        if not len(history.months):
            continue
        made = forecast_actual_months(history, trial, trial.users[user_id].own, actual[user_id])
        error = actual[user_id].to_numpy().sum(0) - made.total
        for span in range(1, min(len(error), LONGEST_SPAN) + 1):
            sums = np.convolve(error, np.ones(span), "valid") / np.convolve(made.spread, np.ones(span), "valid")
            errors[span - 1] += sums.tolist()
    return errors
