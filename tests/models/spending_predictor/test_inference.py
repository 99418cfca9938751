"""Answers and bundles."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh.errors import DataError, UserNotFound
from nivesh.features.spending_history import histories, parse
from nivesh.models.spending_predictor.schema import Answer, Request
from tests.models.spending_predictor.examples import ask, ordered, paid, predictor


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
