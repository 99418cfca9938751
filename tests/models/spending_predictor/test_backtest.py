"""The rolling-origin back-test that calibrates the model."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from nivesh.models.spending_predictor import backtest
from nivesh.models.spending_predictor.forecast import MonthlyForecast
from nivesh.models.spending_predictor.intervals import SIMULATED, month_bounds, sum_bounds
from nivesh.models.spending_predictor.stray_dates import without_stray_dates
from nivesh.models.spending_predictor.user_level import CANDIDATES


def test_dates_of_the_backtest():
    assert backtest.rolling_origins(date(2023, 4, 1), date(2025, 3, 31)) == [
        date(2025, 1, 1), date(2024, 10, 1), date(2024, 7, 1),
    ]  # fmt: skip
    assert backtest.rolling_origins(date(2024, 4, 1), date(2025, 3, 31)) == [date(2025, 1, 1)]
    assert backtest.rolling_origins(date(2025, 1, 1), date(2025, 3, 31)) == []


def made(errors, spread=1.0) -> tuple[np.ndarray, MonthlyForecast]:
    errors = np.asarray(errors, float)
    months = np.arange(len(errors))
    return errors, MonthlyForecast(months, np.zeros(len(errors)), {}, np.full(len(errors), spread))


def test_quantiles_are_shrunk_towards_those_of_simulated_users():
    users = [made([2.0 * error, 0.0], spread=2.0) for error in np.linspace(-2, 2, 51)]
    table = backtest.interval_table([users])
    # 51 users beside 50, one date beside one; 10 % and 90 % of −2 … 2 are −1.6 and 1.6; halved for a sum with a 0.
    weight = 51 / 101 / 2
    for found, prior, own in (
        (table.months[0], SIMULATED.months[0], 1.6),
        (table.months[1], SIMULATED.months[1], 0.0),
        (table.sums[1], SIMULATED.sums[1], 0.8),
    ):
        assert found[1] == pytest.approx((1 - weight) * prior[1] - weight * own, abs=1e-3)
        assert found[2] == pytest.approx((1 - weight) * prior[2] + weight * own, abs=1e-3)
    assert table.months[2:] == SIMULATED.months[2:]
    assert backtest.interval_table([]) == SIMULATED


def test_bounds_by_hand():
    table = backtest.interval_table([])
    lower_95, lower, upper, upper_95 = table.months[0]
    whole = month_bounds(table, 1000.0, 100.0, 1)
    assert (whole.lower, whole.upper_95) == (pytest.approx(1000 + 100 * lower), pytest.approx(1000 + 100 * upper_95))
    quarter = month_bounds(table, 1000.0, 100.0, 1, 0.25)
    assert (quarter.lower_95, quarter.upper) == (pytest.approx(1000 + 50 * lower_95), pytest.approx(1000 + 50 * upper))
    assert month_bounds(table, 10.0, 100.0, 1).lower == 0.0
    two = sum_bounds(table, 1000.0, np.array([100.0, 50.0]), np.ones(2))
    assert two.upper == pytest.approx(1000 + 150 * table.sums[1][2])


class Users:
    """A trial whose errors are given by candidate."""

    def __init__(self, by_candidate: dict):
        self.by_candidate = by_candidate

    def relative_errors(self, priors) -> list[float]:
        return self.by_candidate.get(priors, [1.0] * 40)


def test_other_priors_are_chosen_only_when_clearly_better():
    sloped = next(priors for priors in CANDIDATES if priors.slope_sd > 0)
    noise = np.random.default_rng(1).normal(0, 0.5, 40)
    assert backtest.choose_priors([Users({sloped: [0.8] * 40})]) == sloped
    assert backtest.choose_priors([Users({sloped: [0.999] * 40})]) == CANDIDATES[0]
    assert backtest.choose_priors([Users({sloped: (0.97 + noise).tolist()})]) == CANDIDATES[0]
    assert backtest.choose_priors([]) == CANDIDATES[0]


def test_stray_dates_are_those_of_few_rows_far_from_all_others():
    days = pd.date_range("2024-01-01", periods=400).to_list()
    frame = pd.DataFrame({"timestamp": [pd.Timestamp("1970-01-01"), *days, pd.Timestamp("2099-12-31")]})
    assert without_stray_dates(frame)["timestamp"].tolist() == days
    # A break of half a year in a file with many rows on both sides is no misread date.
    broken = pd.DataFrame({"timestamp": [*days, *(day + pd.Timedelta(days=600) for day in days[:50])]})
    assert len(without_stray_dates(broken)) == 450
