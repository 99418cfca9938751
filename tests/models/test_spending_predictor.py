import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import models
from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import histories, parse
from nivesh.models.spending_predictor import backtest, evaluation, forecast
from nivesh.models.spending_predictor.backtest import actual_months
from nivesh.models.spending_predictor.forecast import MonthlyForecast, PopulationParams
from nivesh.models.spending_predictor.inference import SpendingModel
from nivesh.models.spending_predictor.schema import Answer, Request
from nivesh.models.spending_predictor.seasonality import holiday_table
from nivesh.simulate.transactions import transactions

predictor = models.get("spending_predictor")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return transactions(users=8, months=22, seed=5, end=date(2025, 6, 30))


@pytest.fixture(scope="module")
def parts(rows):
    return predictor.split(rows, 0)


@pytest.fixture(scope="module")
def messages() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="module")
def model(parts, messages):
    return predictor.fit(parts.train, progress=lambda fraction, text: messages.append((fraction, text)))


def paid(user_id, day, amount, category="groceries", direction="debit") -> dict:
    return {
        "user_id": user_id,
        "timestamp": pd.Timestamp(day),
        "amount": float(amount),
        "direction": direction,
        "category": category,
    }


def ask(user_id="user_101", days=30, **features) -> dict:
    return {"user_id": user_id, "horizon_days": days, **features}


def test_split_is_by_time_and_six_months(parts, rows):
    assert parts.train["timestamp"].max() < pd.Timestamp("2025-01-01") <= parts.test["timestamp"].min()
    assert len(parts.train) + len(parts.test) == len(rows)
    assert "2025-01-01" in parts.why


def test_histories_hold_whole_months_of_spending_only():
    frame = pd.DataFrame(
        [
            paid("A", "2025-01-02", 100),
            paid("A", "2025-01-20", 50),
            paid("A", "2025-02-03", 70, "rent"),
            paid("A", "2025-02-04", 900, "Credit Card Bill"),
            paid("A", "2025-02-05", 3000, "salary", "credit"),
            paid("A", "2025-02-06", 10, "refund", "credit"),
            paid("A", "2025-03-10", 999),
            paid("B", "2025-02-15", 40),
        ]
    )
    stored = histories(frame, date(2025, 3, 10))
    assert stored["A"] == {
        "last_date": "2025-03-10",
        "first_month": "2025-01",
        "by_category": {"groceries": [150.0, 0.0], "rent": [0.0, 70.0]},
        "income": [0.0, 3000.0],
    }
    # Joined in the middle of February, and March is not over: no month of B is whole.
    assert stored["B"]["by_category"] == {} and stored["B"]["first_month"] == "2025-03"
    assert json.loads(json.dumps(stored)) == stored
    assert parse(stored["A"]).amounts.sum() == 220


@pytest.mark.parametrize(
    "change",
    [
        {"last_date": "soon"},
        {"last_date": "1900-01-31"},
        {"income": [1.0]},
        {"by_category": {"rent": ["x", 1]}},
        {"by_category": {"rent": [-1.0, 1.0]}},
        {"by_category": {"rent": [float("nan"), 1.0]}},
        {"by_category": None},
    ],
)
def test_a_broken_history_is_refused(model, change):
    stored = {
        "last_date": "2025-03-31",
        "first_month": "2025-02",
        "by_category": {"rent": [1.0, 2.0]},
        "income": [0, 0],
    }
    with pytest.raises(DataError, match="the stored history"):
        predictor.predict(model, [ask("new", features=stored | change)])


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
    params = PopulationParams({}, 1.0, [], [-1.0], [2.0])
    compared = evaluation.compare(parse(stored), made, actual, params, "user").assign(user_id="A")
    measured = evaluation.metrics(compared)
    assert measured["mae"] == 15.0 and measured["category_mae"] == 15.0
    assert measured["naive_mae"] == 20.0 and measured["baseline_mae"] == 25.0
    assert measured["coverage"] == 0.5 and measured["per_horizon"]["2"]["coverage"] == 0.0
    assert measured["coverage_sum"] == 0.0  # 50 ± [10, 20] against 80
    assert measured["interval_width"] == 15.0 and measured["bias"] == -15.0


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
    params = PopulationParams({}, 1.1, [], [-1.0], [1.0])
    assert forecast.bill_rows(parse(stored), params.bills).tolist() == [True, False]
    ahead = forecast.year_before(bill, 24, 1.1)
    assert ahead[11] == pytest.approx(1100) and ahead[23] == pytest.approx(1210) and np.count_nonzero(ahead) == 2


def test_one_huge_month_hardly_moves_the_level():
    assert forecast.huber_mean(np.array([100.0, 110, 90, 105, 95, 5000])) == pytest.approx(102.5, abs=10)
    assert forecast.huber_mean(np.array([])) == 0.0


def test_income_change_is_relative_smooth_and_bounded():
    change = forecast.income_change(np.array([50.0, 50, 500, 50, 100, 100, 100]), 100.0)
    assert change[2] == pytest.approx(np.log(0.5)) and change[-1] == 0.0
    assert forecast.income_change(np.array([0.0, 0.0]), 0.0).tolist() == [0.0, 0.0]


def test_holidays_move_with_the_calendar():
    table = holiday_table(2024, 2025)
    assert set(table.loc[table["ds"] == "2024-10-31", "holiday"]) >= {"Diwali"}
    assert "Diwali, 3 weeks before" in set(table.loc[table["ds"] == "2025-10-01", "holiday"])


def test_fit_reports_progress(model, messages):
    fractions = [fraction for fraction, _ in messages]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 20


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
    plain = evaluation.forecasts_and_actuals(model, parts.test, parts.train)
    tripled = evaluation.forecasts_and_actuals(model, later, parts.train)
    both = plain.merge(tripled, on=["user_id", "category", "horizon"], suffixes=("", "_later"))
    assert (both["forecast"] == both["forecast_later"]).all() and (
        both["low"].dropna() == both["low_later"].dropna()
    ).all()


def test_other_users_with_known_ids_are_evaluated_on_their_own_history(model, rows):
    doubled = rows.assign(amount=rows["amount"] * 2)
    single, double = evaluation.forecasts_and_actuals(model, rows), evaluation.forecasts_and_actuals(model, doubled)
    ratio = double.loc[double["category"] == "", "forecast"] / single.loc[single["category"] == "", "forecast"]
    assert ratio.median() == pytest.approx(2, rel=0.02)


def test_answer_matches_the_schema_and_adds_up(model):
    (answer,) = predictor.predict(model, [ask(days=90)])
    Answer(**answer)
    assert (answer["from_date"], answer["to_date"]) == ("2025-01-01", "2025-03-31")
    assert [month["month"] for month in answer["monthly"]] == ["2025-01", "2025-02", "2025-03"]
    assert sum(answer["by_category"].values()) == pytest.approx(answer["total"]["amount"], abs=0.02)
    assert sum(month["amount"] for month in answer["monthly"]) == pytest.approx(answer["total"]["amount"], abs=0.1)
    for amount in (answer["total"], *answer["monthly"]):
        assert 0 <= amount["lower"] <= amount["amount"] <= amount["upper"]
    assert {"date": "2025-03-14", "name": "Holi"} in answer["festivals"]
    assert answer["method"] == "user" and answer["currency"] == "INR"


def test_a_month_that_lacks_its_last_day_is_not_forecast_again(model, parts):
    stored = histories(parts.train)["user_101"] | {"last_date": "2024-12-30"}
    answer = predictor.predict(model, [ask("x", features=stored)])[0]
    assert (answer["from_date"], answer["to_date"]) == ("2025-01-01", "2025-01-30")


def test_a_longer_horizon_costs_more(model):
    totals = [predictor.predict(model, [ask(days=days)])[0]["total"]["amount"] for days in (1, 7, 31, 90, 365)]
    assert totals == sorted(totals) and totals[0] > 0


def test_a_newer_history_is_used_and_an_older_one_is_not(model, rows, parts):
    stored = predictor.predict(model, [ask()])[0]
    older = histories(parts.train[parts.train["timestamp"] < "2024-12-01"])["user_101"]
    assert predictor.predict(model, [ask(features=older)])[0] == stored
    newer = histories(rows)["user_101"]
    assert predictor.predict(model, [ask(features=newer)])[0]["from_date"] == "2025-07-01"


def test_unknown_users_are_forecast_from_their_features(model, rows):
    stored = histories(rows)["user_102"]
    features = stored
    full = predictor.predict(model, [ask("someone 🙂 हिन्दी", features=features)])[0]
    assert full["method"] == "user" and full["user_id"] == "someone 🙂 हिन्दी"
    assert predictor.predict(model, [ask("someone 🙂 हिन्दी", features=stored)])[0] == full
    thin = stored | {
        "first_month": "2025-05",
        "by_category": {name: amounts[-2:] for name, amounts in stored["by_category"].items()},
        "income": stored["income"][-2:],
    }
    short = predictor.predict(model, [ask("x", features=thin)])[0]
    assert short["method"] == "segment" and 0.3 < short["total"]["amount"] / full["total"]["amount"] < 3
    nothing = {"last_date": "2025-06-30", "first_month": "2025-07", "by_category": {}, "income": []}
    empty = predictor.predict(model, [ask("x", features=nothing)])[0]
    assert empty["method"] == "segment" and empty["total"]["amount"] > 0 and len(empty["by_category"]) > 3


def test_unknown_users_and_long_horizons_are_refused(model):
    with pytest.raises(UserNotFound, match="nobody"):
        predictor.predict(model, [ask("nobody")])
    short = SpendingModel(model.seasonality, model.params, model.users, model.last, 30)
    with pytest.raises(DataError, match="up to 30 days"):
        predictor.predict(short, [ask(days=31)])


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "", "horizon_days": 30},
        {"user_id": "x" * 200, "horizon_days": 30},
        {"user_id": "U1", "horizon_days": 0},
        {"user_id": "U1", "horizon_days": 366},
        {"user_id": "U1", "horizon_days": 30, "more": 1},
    ],
)
def test_requests_are_checked(body):
    with pytest.raises(ValidationError):
        Request(**body)


def test_save_and_load_give_the_same_answers_and_small_files(model, tmp_path):
    predictor.save(model, tmp_path)
    again = predictor.load(tmp_path)
    requests = [ask(user_id, days) for user_id in model.users for days in (7, 365)]
    assert predictor.predict(again, requests) == predictor.predict(model, requests)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "seasonality.json", "users.json"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2_000_000
    assert '"groceries"' in (tmp_path / "users.json").read_text(encoding="utf-8")


def test_years_without_known_festivals_are_forecast(model, rows):
    stored = histories(rows)["user_101"] | {"last_date": "2040-06-30", "first_month": "2038-09"}
    answer = predictor.predict(model, [ask("x", 365, features=stored)])[0]
    assert answer["festivals"] == [] and answer["total"]["amount"] > 0


def test_users_with_income_only_have_an_empty_history():
    frame = pd.DataFrame(
        [paid("A", "2025-01-02", 10, "salary", "credit"), paid("A", "2025-02-28", 10, "salary", "credit")]
    )
    assert histories(frame)["A"]["by_category"] == {} and histories(frame)["A"]["income"] == [10.0, 10.0]
    assert histories(frame.head(0)) == {}


def test_requests_may_come_at_the_same_time(parts, model, tmp_path):
    predictor.save(model, tmp_path)
    fresh = predictor.load(tmp_path)
    requests = [ask(user_id, days) for user_id in model.users for days in (5, 40)] * 3
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: predictor.predict(fresh, [one])[0], requests))
    assert answers == predictor.predict(model, requests)


def test_predict_frame_has_a_row_for_each_user_and_month(model, parts):
    rows = parts.test.head(200)
    answers = predictor.predict_frame(model, rows, history=parts.train)
    assert set(answers["user_id"]) == set(rows["user_id"])
    assert not answers.duplicated(["user_id", "month"]).any()
    assert answers["month"].min() >= f"{rows['timestamp'].max():%Y-%m}"
    assert (answers["lower"] <= answers["amount"]).all() and (answers["amount"] <= answers["upper"]).all()


def test_plots_are_written(model, parts, tmp_path):
    paths = predictor.plot(model, parts.test, tmp_path, history=parts.train)
    assert len(paths) == 4 and all(path.suffix == ".png" and path.stat().st_size > 5000 for path in paths)


def test_too_few_rows_and_unknown_users_are_refused(parts):
    with pytest.raises(DataError, match="at least 50 debits over two months"):
        predictor.fit(parts.train.head(40), progress=lambda *_: None)
    with pytest.raises(DataError, match="nobody"):
        predictor.fit(parts.train, progress=lambda *_: None, user_id="nobody")
    with pytest.raises(DataError, match="1 to 365"):
        predictor.fit(parts.train, progress=lambda *_: None, horizon=400)
    with pytest.raises(DataError, match="three months"):
        predictor.split(parts.train[parts.train["timestamp"] >= "2024-12-01"], 0)


def test_a_hundred_rows_of_one_user_are_enough(rows):
    one = rows[(rows["user_id"] == "user_101") & (rows["timestamp"] >= "2025-01-01")]
    small = predictor.fit(one, progress=lambda *_: None)
    assert predictor.predict(small, [ask()])[0]["total"]["amount"] > 0


def test_parameters_have_defaults_of_plain_types():
    given = predictor.parameters({"user_id": "all", "horizon": 365})
    assert given["user_id"] == "all" and given["horizon"] == 365
