"""Back-test, metrics and plots."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from nivesh.features.spending_history import parse
from nivesh.models.spending_predictor import backtest, evaluation
from nivesh.models.spending_predictor.backtest import actual_months
from nivesh.models.spending_predictor.forecast import MonthlyForecast
from nivesh.models.spending_predictor.intervals import IntervalTable
from tests.models.spending_predictor.examples import paid, predictor


def test_naive_forecasts():
    amounts = np.arange(1.0, 15.0)[None, :]
    assert evaluation.seasonal_naive(amounts, 3).tolist() == [[3.0, 4.0, 5.0]]
    assert evaluation.seasonal_naive(amounts, 2, skip=1).tolist() == [[4.0, 5.0]]
    assert evaluation.seasonal_naive(amounts[:, :3], 2).tolist() == [[3.0, 3.0]]
    assert evaluation.last_month(amounts, 2).tolist() == [[14.0, 14.0]]
    assert evaluation.past_mean(amounts, 1).tolist() == [[8.5]]


def test_smape_by_hand():
    assert evaluation.smape(np.array([100.0, 0.0]), np.array([100.0, 0.0])) == 0.0
    assert evaluation.smape(np.array([100.0, 10.0]), np.array([300.0, 0.0])) == pytest.approx((1.0 + 2.0) / 2)


def test_compare_and_metrics_by_hand():
    stored = {
        "last_date": "2025-01-31",
        "first_month": "2024-12",
        "by_category": {"food": [10.0, 20.0]},
        "income": [0, 0],
    }
    actual = pd.DataFrame([[30.0, 50.0]], index=["food"], columns=[2025 * 12 + 1, 2025 * 12 + 2])
    made = MonthlyForecast(
        actual.columns.to_numpy(), np.array([25.0, 25.0]), {"food": np.array([25.0, 25.0])}, np.array([5.0, 5.0])
    )
    table = IntervalTable(
        [[-2.0, -1.0, 2.0, 4.0], [-2.0, -1.0, 2.0, 5.0]] + [[0.0] * 4] * 10, [[-2.0, -1.0, 2.0, 4.0]] * 12
    )
    compared = evaluation.compare(parse(stored), made, actual, table).assign(user_id="A")
    measured = evaluation.metrics(compared)
    assert measured["mae"] == 15.0 and measured["category_mae"] == 15.0
    assert measured["naive_mae"] == 20.0 and measured["baseline_mae"] == 25.0
    assert measured["coverage"] == 0.5 and measured["per_horizon"]["2"]["coverage"] == 0.0
    assert measured["coverage_sum"] == 0.0  # 50 ± [10, 20] against 80
    assert measured["interval_width"] == 15.0 and measured["bias"] == -15.0
    assert measured["coverage_95"] == 1.0  # 25 ± [10, 20] against 30, 25 ± [10, 25] against 50
    # Bounds 15, 20, 35, 45 against 30, and 15, 20, 35, 50 against 50: loss = quantile * excess or (1 - quantile) * deficit.
    first = (0.025 * 15 + 0.1 * 10 + 0.1 * 5 + 0.025 * 15) / 4
    second = (0.025 * 35 + 0.1 * 30 + 0.9 * 15 + 0.0) / 4
    assert measured["pinball"] == pytest.approx((first + second) / 2)


def test_months_of_a_file_are_whole_and_end_with_the_user():
    frame = pd.DataFrame(
        [
            paid("A", "2025-01-15", 1),
            paid("A", "2025-02-10", 2),
            paid("A", "2025-03-31", 4),
            paid("B", "2025-02-03", 8),
            paid("B", "2025-02-27", 8),
        ]
    )
    actual = actual_months(frame, date(2025, 1, 15), date(2025, 3, 31))
    assert actual["A"].columns[0] == 2025 * 12 + 1
    assert actual["A"].loc["groceries"].tolist() == [2.0, 4.0]
    assert actual["B"].loc["groceries"].tolist() == [16.0]


def test_evaluation_starts_with_the_month_unless_it_is_in_the_history():
    march, april = pd.DataFrame([paid("A", "2025-03-20", 1)]), pd.DataFrame([paid("A", "2025-04-09", 1)])
    assert backtest.first_test_day(march, april) == date(2025, 4, 1)
    assert backtest.first_test_day(pd.DataFrame([paid("A", "2025-04-02", 1)]), april) == date(2025, 4, 9)


def test_evaluate_on_held_out_months(model, parts):
    measured = predictor.evaluate(model, parts.test, history=parts.train)
    assert measured["mae"] < measured["naive_mae"]
    assert 0.5 < measured["coverage"] <= 1.0
    assert set(measured["per_horizon"]) == {"1", "2", "3", "4", "5", "6"}
    for name in ("baseline_mae", "baseline_category_mae", "naive_category_mae", "smape"):
        assert np.isfinite(measured[name])
    json.dumps(measured)


def test_forecasts_do_not_depend_on_the_test_rows(model, parts):
    later = parts.test.copy()
    later["amount"] *= 3
    plain, tripled = (first_comparison(model, rows, parts.train) for rows in (parts.test, later))
    both = plain.merge(tripled, on=["user_id", "category", "horizon"], suffixes=("", "_later"))
    assert (both["forecast"] == both["forecast_later"]).all()
    assert (both["lower"].dropna() == both["lower_later"].dropna()).all()


def first_comparison(model, test, history=None) -> pd.DataFrame:
    return evaluation.compare_users(model, evaluation.holdouts(model, test, history)[0])


def test_every_month_of_the_test_rows_is_an_origin_of_the_rolling_backtest(model, parts):
    rolling = predictor.evaluate(model, parts.test, history=parts.train)["rolling"]
    assert rolling["dates"] == 6
    months = {horizon: errors["months"] for horizon, errors in rolling["per_horizon"].items()}
    users = months["6"]
    assert users >= 6 and months["1"] >= 6 * users and sorted(months.values(), reverse=True) == list(months.values())
    assert 0.5 < rolling["coverage"] < rolling["coverage_95"] <= 1.0


def test_other_users_with_known_ids_are_evaluated_on_their_own_history(model, rows):
    doubled = rows.assign(amount=rows["amount"] * 2)
    single, double = first_comparison(model, rows), first_comparison(model, doubled)
    ratio = double.loc[double["category"] == "", "forecast"] / single.loc[single["category"] == "", "forecast"]
    assert ratio.median() == pytest.approx(2, rel=0.02)


def test_plots_are_written(model, parts, tmp_path):
    paths = predictor.plot(model, parts.test, tmp_path, history=parts.train)
    assert len(paths) == 4 and all(path.suffix == ".png" and path.stat().st_size > 5000 for path in paths)
