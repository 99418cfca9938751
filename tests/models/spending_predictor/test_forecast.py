"""Yearly bills and a user's own level."""

import numpy as np
import pandas as pd
import pytest

from nivesh.features.spending_history import parse
from nivesh.models.spending_predictor import forecast
from nivesh.models.spending_predictor.user_level import LevelPriors, estimate_level, huber_mean, income_change


def test_yearly_bills_come_back_and_rare_purchases_do_not():
    bill, rare = np.zeros(26), np.zeros(26)
    bill[[1, 13, 25]] = 900, 950, 1000
    rare[[3, 9]] = 5000, 400
    stored = {
        "last_date": "2025-02-28",
        "first_month": "2023-01",
        "by_category": {"fee": bill.tolist(), "television": rare.tolist()},
        "income": [0.0] * 26,
    }
    assert forecast.bill_rows(parse(stored), {}).tolist() == [True, False]
    ahead = forecast.year_before(bill, 24, 1.1)
    assert ahead[11] == pytest.approx(1100) and ahead[23] == pytest.approx(1210) and np.count_nonzero(ahead) == 2


def test_one_huge_month_hardly_moves_the_level():
    months = np.array([100.0, 110, 90, 105, 95, 5000])
    assert huber_mean(months) == pytest.approx(102.5, abs=10)
    assert huber_mean(np.array([months, months * 2])).tolist() == [huber_mean(months), huber_mean(months) * 2]
    assert estimate_level(months, np.zeros(6), 0.0, 100.0, LevelPriors()) == pytest.approx(102.5, abs=10)


def test_the_level_is_the_posterior_mean_by_hand():
    steady = np.full(6, 200.0)
    # Six months at 200 and half a month's weight at 100.
    assert estimate_level(steady, np.zeros(6), 0.0, 100.0, LevelPriors(0.5)) == pytest.approx((6 * 200 + 50) / 6.5)
    assert estimate_level(steady[:1], np.zeros(1), 0.0, 100.0, LevelPriors(1.0)) == pytest.approx(150)
    assert estimate_level(steady[:0], np.zeros(0), 0.0, 100.0, LevelPriors()) == 100
    assert estimate_level(np.zeros(6), np.zeros(6), 0.0, 0.0, LevelPriors()) == 0


def test_the_level_follows_a_change_of_income_and_of_a_trend():
    income = np.repeat([1000.0, 2000.0], 9)
    spending = np.repeat([500.0, 800.0], 9)
    level = estimate_level(spending, income, 2000.0, 650.0, LevelPriors())
    assert 700 < level < 850 and estimate_level(spending, income * 0, 0.0, 650.0, LevelPriors()) == pytest.approx(650)
    rising = np.linspace(100, 200, 18)
    flat, sloped = (estimate_level(rising, np.zeros(18), 0.0, 150.0, LevelPriors(0.5, sd)) for sd in (0.0, 0.3))
    assert flat == pytest.approx(150) and 170 < sloped < 210


def test_who_spends_in_few_months_has_a_level_above_zero():
    harvest = np.tile([0.0, 0, 0, 0, 0, 60_000], 3)
    assert estimate_level(harvest, np.zeros(18), 0.0, 10_000.0, LevelPriors()) == pytest.approx(10_000, rel=0.05)


def test_income_change_is_relative_smooth_and_bounded():
    change = income_change(np.array([50.0, 50, 500, 50, 100, 100, 100]), 100.0)
    assert change[2] == pytest.approx(np.log(0.5)) and change[-1] == 0.0
    assert income_change(np.array([0.0, 0.0]), 0.0).tolist() == [0.0, 0.0]


def test_a_short_history_has_a_wider_spread(model):
    def spread(months: int) -> float:
        amounts = np.tile([900.0, 1100.0], 12)[-months:]
        features = {"last_date": "2025-06-30", "by_category": {"food": amounts.tolist()}, "income": [0.0] * months}
        first = pd.Period("2025-06", "M") - months + 1
        made = forecast.forecast(parse(features | {"first_month": str(first)}), model.seasonality, model.params, 1)
        return made.spread[0] / made.total[0]

    assert spread(2) > 1.2 * spread(24)
