"""Training of the spending predictor."""

import pandas as pd
import pytest

from nivesh.errors import DataError
from nivesh.features.spending_history import histories
from tests.models.spending_predictor.examples import ask, predictor


def test_split_is_by_time_and_six_months(parts, rows):
    assert parts.train["timestamp"].max() < pd.Timestamp("2025-01-01") <= parts.test["timestamp"].min()
    assert len(parts.train) + len(parts.test) == len(rows)
    assert "2025-01-01" in parts.why


def test_fit_reports_progress(model, messages):
    fractions = [fraction for fraction, _ in messages]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 10


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
