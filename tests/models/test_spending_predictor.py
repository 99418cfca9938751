import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import models
from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import histories, parse
from nivesh.models.spending_predictor import backtest, evaluation, forecast, prophet_fit
from nivesh.models.spending_predictor.backtest import actual_months
from nivesh.models.spending_predictor.forecast import MonthlyForecast
from nivesh.models.spending_predictor.intervals import IntervalTable
from nivesh.models.spending_predictor.schema import Answer, Request
from nivesh.models.spending_predictor.seasonality import ALL, festival_weeks
from nivesh.models.spending_predictor.user_level import LevelPriors, estimate_level, huber_mean, income_change
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


def ask(features: dict, days: int = 30, user_id: str = "user_101") -> dict:
    return {"user_id": user_id, "horizon_days": days, "features": features}


@pytest.fixture(scope="module")
def stored(parts) -> dict[str, dict]:
    """What the feature store keeps of each user at the end of the training rows."""
    return histories(parts.train)


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
    good = {"last_date": "2025-03-31", "first_month": "2025-02", "by_category": {"rent": [1.0, 2.0]}, "income": [0, 0]}
    with pytest.raises(DataError, match="the stored history"):
        predictor.predict(model, [ask(good | change)])


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


def test_festival_weeks_move_with_the_calendar():
    assert np.datetime64("2024-10-31") in festival_weeks(2024)["Diwali"]
    assert np.datetime64("2025-10-01") in festival_weeks(2025)["Diwali, 3 weeks before"]
    assert festival_weeks(2036) == {} and festival_weeks(1999) == {}


@pytest.mark.parametrize("days", [300, 500, 800])
def test_a_curve_gives_the_forecast_of_its_prophet(days):
    dates = pd.date_range("2023-01-01", periods=days)
    noise = np.random.default_rng(days).normal(0, 0.1, days)
    series = pd.DataFrame({"ds": dates, "y": 1 + 0.3 * np.sin(dates.dayofyear / 58) + noise})
    priors = {"changepoint_prior": 0.5, "seasonality_prior": 1.0, "festival_prior": 0.3}
    fitted = prophet_fit.fit_prophet(series, prophet_fit.holiday_table(2023, 2025), priors)
    future = pd.date_range("2022-12-01", "2026-01-31")
    fitted.holidays = prophet_fit.holiday_table(2022, 2026)
    expected = fitted.predict(pd.DataFrame({"ds": future}))["yhat"].clip(0.05, 5.0)
    curve = prophet_fit.to_curve(fitted)
    np.testing.assert_allclose(curve.values(future.to_numpy().astype("datetime64[D]")), expected, rtol=1e-9)


def test_factors_of_months_and_days(model):
    seasonality = model.seasonality
    months = 2025 * 12 + np.array([1, 2, 3])
    dates = np.arange("2025-02-01", "2025-05-01", dtype="datetime64[D]")
    daily = pd.Series(seasonality.curves[ALL].values(dates), index=pd.DatetimeIndex(dates))
    by_month = daily.groupby(daily.index.month).mean()
    np.testing.assert_allclose(seasonality.monthly("no such category", months), by_month)
    assert len(seasonality.monthly(ALL, months[:0])) == 0
    share = seasonality.share(ALL, 2025 * 12 + 2, date(2025, 3, 11), date(2025, 4, 20))
    assert share == pytest.approx(daily["2025-03-11":"2025-03-31"].sum() / daily["2025-03"].sum())


def test_fit_reports_progress(model, messages):
    fractions = [fraction for fraction, _ in messages]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 10


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


def test_answer_matches_the_schema_and_adds_up(model, stored):
    (answer,) = predictor.predict(model, [ask(stored["user_101"], days=90)])
    Answer(**answer)
    assert (answer["from_date"], answer["to_date"]) == ("2025-01-01", "2025-03-31")
    assert [month["month"] for month in answer["monthly"]] == ["2025-01", "2025-02", "2025-03"]
    assert sum(answer["by_category"].values()) == pytest.approx(answer["total"]["amount"], abs=0.02)
    assert sum(month["amount"] for month in answer["monthly"]) == pytest.approx(answer["total"]["amount"], abs=0.1)
    for amount in (answer["total"], *answer["monthly"]):
        assert ordered(amount)
    assert {"date": "2025-03-14", "name": "Holi"} in answer["festivals"]
    assert answer["method"] == "user" and answer["currency"] == "INR"


def ordered(amount: dict) -> bool:
    bounds = [amount[name] for name in ("lower_95", "lower", "amount", "upper", "upper_95")]
    return bool(np.isfinite(bounds).all()) and bounds[0] >= 0 and bounds == sorted(bounds)


def test_a_month_that_lacks_its_last_day_is_not_forecast_again(model, stored):
    answer = predictor.predict(model, [ask(stored["user_101"] | {"last_date": "2024-12-30"})])[0]
    assert (answer["from_date"], answer["to_date"]) == ("2025-01-01", "2025-01-30")


def test_a_longer_horizon_costs_more(model, stored):
    answers = predictor.predict(model, [ask(stored["user_101"], days) for days in (1, 7, 31, 90, 365)])
    totals = [answer["total"]["amount"] for answer in answers]
    assert totals == sorted(totals) and totals[0] > 0


def test_the_forecast_starts_after_the_stored_history(model, rows):
    newer = histories(rows)["user_101"]
    assert predictor.predict(model, [ask(newer)])[0]["from_date"] == "2025-07-01"


def test_unknown_users_are_forecast_from_their_features(model, rows):
    features = histories(rows)["user_102"]
    full = predictor.predict(model, [ask(features, user_id="someone 🙂 हिन्दी")])[0]
    assert full["method"] == "user" and full["user_id"] == "someone 🙂 हिन्दी"
    thin = features | {
        "first_month": "2025-05",
        "by_category": {name: amounts[-2:] for name, amounts in features["by_category"].items()},
        "income": features["income"][-2:],
    }
    short = predictor.predict(model, [ask(thin)])[0]
    assert short["method"] == "segment" and 0.3 < short["total"]["amount"] / full["total"]["amount"] < 3
    nothing = {"last_date": "2025-06-30", "first_month": "2025-07", "by_category": {}, "income": []}
    empty = predictor.predict(model, [ask(nothing)])[0]
    assert empty["method"] == "segment" and empty["total"]["amount"] > 0 and len(empty["by_category"]) > 3


def test_unknown_users_and_long_horizons_are_refused(model, stored):
    for features in (None, {}):
        with pytest.raises(UserNotFound, match="nobody"):
            predictor.predict(model, [ask(features, user_id="nobody")])
    with pytest.raises(DataError, match="up to 30 days"):
        predictor.predict(replace(model, horizon=30), [ask(stored["user_101"], days=31)])


def test_a_model_of_one_user_is_for_that_user_only(parts, model, stored):
    own = replace(model, user_id="user_103")
    assert predictor.predict(own, [ask(stored["user_103"], user_id="user_103")])
    with pytest.raises(UserNotFound, match="user_103"):
        predictor.predict(own, [ask(stored["user_101"])])
    assert set(predictor.predict_frame(own, parts.train)["user_id"]) == {"user_103"}
    assert predictor.evaluate(own, parts.test, history=parts.train)["users"] == 1


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


def test_save_and_load_give_the_same_answers_and_small_files(model, stored, tmp_path):
    predictor.save(model, tmp_path)
    again = predictor.load(tmp_path)
    requests = [ask(features, days) for features in stored.values() for days in (7, 365)]
    assert predictor.predict(again, requests) == predictor.predict(model, requests)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "seasonality.json"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000


def test_a_bundle_holds_nobodys_history(model, stored, tmp_path):
    predictor.save(model, tmp_path)
    text = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "groceries" in text and not any(user in text for user in stored)
    amounts = {
        str(amount) for features in stored.values() for row in features["by_category"].values() for amount in row
    }
    assert not any(f" {amount}" in text for amount in amounts if len(amount) > 6)


def test_serving_imports_nothing_of_training():
    code = """
import sys
from nivesh.models.spending_predictor import inference, schema
print(sorted({"prophet", "cmdstanpy", "sklearn", "matplotlib", "scipy"} & sys.modules.keys()))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_years_without_known_festivals_are_forecast(model, rows):
    features = histories(rows)["user_101"] | {"last_date": "2040-06-30", "first_month": "2038-09"}
    answer = predictor.predict(model, [ask(features, 365)])[0]
    assert answer["festivals"] == [] and answer["total"]["amount"] > 0


def test_users_with_income_only_have_an_empty_history():
    frame = pd.DataFrame(
        [paid("A", "2025-01-02", 10, "salary", "credit"), paid("A", "2025-02-28", 10, "salary", "credit")]
    )
    assert histories(frame)["A"]["by_category"] == {} and histories(frame)["A"]["income"] == [10.0, 10.0]
    assert histories(frame.head(0)) == {}


def test_requests_may_come_at_the_same_time(model, stored, tmp_path):
    predictor.save(model, tmp_path)
    fresh = predictor.load(tmp_path)
    requests = [ask(features, days) for features in stored.values() for days in (5, 40)] * 3
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: predictor.predict(fresh, [request])[0], requests))
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
    assert predictor.predict(small, [ask(histories(one)["user_101"])])[0]["total"]["amount"] > 0


def test_parameters_have_defaults_of_plain_types():
    given = predictor.parameters({"user_id": "all", "horizon": 365})
    assert given["user_id"] == "all" and given["horizon"] == 365


# --- histories that did not come from our simulator ---------------------------------------------------------------------
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


def test_one_misread_year_or_amount_does_not_change_the_others(parts, stored, model):
    bad = parts.train.iloc[[10, 20, 30]].copy()
    bad["timestamp"] = [pd.Timestamp("1970-01-01"), pd.Timestamp("2099-12-31"), bad["timestamp"].iloc[2]]
    bad.iloc[2, bad.columns.get_loc("amount")] = 1e12
    bad["user_id"], bad["direction"] = "user_102", "debit"
    spoiled = predictor.fit(pd.concat([parts.train, bad], ignore_index=True), progress=lambda *_: None)
    assert spoiled.last == model.last
    requests = [ask(features, user_id=user) for user, features in stored.items() if user != "user_102"]
    for plain, other in zip(predictor.predict(model, requests), predictor.predict(spoiled, requests), strict=True):
        assert other["from_date"] == plain["from_date"]
        for name in ("amount", "lower", "upper"):
            assert other["total"][name] == pytest.approx(plain["total"][name], rel=0.05)
    frame = pd.concat([parts.test, bad[bad["timestamp"].dt.year == 2099]], ignore_index=True)
    assert predictor.split(pd.concat([parts.train, frame]), 0).why.startswith(parts.why)
