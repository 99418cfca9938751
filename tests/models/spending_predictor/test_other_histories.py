"""Histories that did not come from our simulator."""

import json

import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError
from tests.models.spending_predictor.examples import ask, ordered, predictor


def stored_history(by_category: dict, income, last: str = "2025-06-30") -> dict:
    months = len(income)
    start = pd.Timestamp(last).to_period("M") - months + 1
    return {
        "last_date": last,
        "first_month": f"{start}",
        "by_category": {name: [round(float(value), 2) for value in row] for name, row in by_category.items()},
        "income": [round(float(value), 2) for value in income],
    }


def weekly_payer(rng, months) -> dict:
    weeks = rng.choice([4, 5], months, p=[2 / 3, 1 / 3])
    rate = rng.lognormal(7, 1)
    return stored_history({"mandi": rate * weeks, "recharge": np.full(months, 199.0)}, rng.lognormal(8, 0.3) * weeks)


def farmer(rng, months) -> dict:
    calendar = (np.arange(months) + rng.integers(12)) % 12
    sowing, harvest = np.isin(calendar, (5, 10)), np.isin(calendar, (3, 9))
    spend = {
        "seeds & fertiliser": sowing * rng.lognormal(10, 0.3, months),
        "household": harvest * rng.lognormal(11, 0.3, months),
    }
    return stored_history(spend, harvest * rng.lognormal(12, 0.4, months))


def retired(rng, months) -> dict:
    pension = rng.lognormal(10, 0.4)
    return stored_history(
        {"medicine": np.full(months, pension / 5), "household": np.full(months, pension / 2)}, np.full(months, pension)
    )


def with_missing_months(rng, months) -> dict:
    seen = rng.random(months) < 0.5
    return stored_history(
        {"खर्च": seen * rng.lognormal(9, 1, months), "upi": seen * rng.lognormal(8, 2, months)}, np.zeros(months)
    )


def heavy_tailed(rng, months) -> dict:
    spend = {f"c{at}": rng.pareto(0.8, months) * 10.0 ** rng.integers(-2, 9) for at in range(rng.integers(1, 40))}
    return stored_history(spend, rng.pareto(0.8, months) * 1e4)


MAKES = (weekly_payer, farmer, retired, with_missing_months, heavy_tailed)


def test_a_thousand_other_histories_get_finite_and_plausible_answers(model):
    rng = np.random.default_rng(7)
    for number in range(1000):
        make, months = MAKES[number % len(MAKES)], int(rng.integers(1, 25))
        features = make(rng, months)
        (answer,) = predictor.predict(model, [ask(features, days=int(rng.integers(1, 366)))])
        json.dumps(answer, allow_nan=False)
        assert all(map(ordered, (answer["total"], *answer["monthly"]))), (make.__name__, features)
        assert sum(answer["by_category"].values()) == pytest.approx(answer["total"]["amount"], rel=1e-6, abs=0.1)


@pytest.mark.parametrize("make", [weekly_payer, farmer, retired])
def test_a_year_of_regular_people_costs_about_what_the_last_year_did(model, make):
    rng = np.random.default_rng(3)
    for _ in range(20):
        features = make(rng, 24)
        spent = sum(sum(row[-12:]) for row in features["by_category"].values())
        (answer,) = predictor.predict(model, [ask(features, days=365)])
        assert 0.5 < answer["total"]["amount"] / spent < 2, features


@pytest.mark.parametrize(
    "features",
    [
        stored_history({"food": [900.0]}, [0.0]),
        stored_history({"food": [900.0]}, [30_000.0]),
        stored_history({}, [0.0] * 12),
        stored_history({}, [25_000.0] * 12),
        stored_history({"food": [0.01] * 24}, [1e9] * 24),
    ],
    ids=["one month", "one month with income", "refunds only", "income only", "paise"],
)
def test_users_with_almost_nothing_get_finite_answers(model, features):
    for days in (1, 30, 365):
        (answer,) = predictor.predict(model, [ask(features, days=days)])
        assert all(map(ordered, (answer["total"], *answer["monthly"])))


def test_amounts_that_overflow_are_refused(model):
    with pytest.raises(DataError, match="too large"):
        predictor.predict(model, [ask(stored_history({"a": [1e308] * 3, "b": [1e308] * 3}, [0.0] * 3))])
