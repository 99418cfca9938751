import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import models
from nivesh.errors import BundleError, DataError, UserNotFound
from nivesh.models.credit_risk import scorecard
from nivesh.models.credit_risk.classifier import FEATURES, contributions, frame_matrix, probability
from nivesh.models.credit_risk.explanation import category, decision, rupees
from nivesh.models.credit_risk.schema import Answer, Request
from nivesh.simulate.loans import loans

credit_risk = models.get("credit_risk")
FEATURES_OF_USER = {
    "monthly_income": 60_000.0,
    "income_stability": 0.8,
    "existing_emis": 9_000.0,
    "debt_to_income": 0.15,
    "existing_loan_count": 1.0,
    "on_time_payment_pct": 95.0,
    "emergency_fund_months": 2.0,
    "credit_utilization": 0.3,
    "average_monthly_spending": 41_000.0,
    "savings_rate": 0.2,
    "spending_volatility": 0.1,
}


@pytest.fixture(scope="module")
def parts():
    return credit_risk.split(credit_risk.build_features(loans(2400, seed=5)), seed=0)


@pytest.fixture(scope="module")
def model(parts):
    return credit_risk.fit(parts.train, progress=lambda fraction, text: None, n_estimators=40)


@pytest.fixture(scope="module")
def measured(model, parts):
    return credit_risk.evaluate(model, parts.test, history=parts.train)


def loan_request(features=None, **terms) -> dict:
    request = {"user_id": "U1", "loan_amount": 300_000, "loan_tenure_months": 36} | terms
    return Request(**request).model_dump() | {"features": FEATURES_OF_USER | (features or {})}


def default_probability(model, features=None, **terms) -> float:
    return credit_risk.predict(model, [loan_request(features, **terms)])[0]["probability_of_default"]


# --- split and fit ---------------------------------------------------------------------------------------------------


def test_no_user_is_on_both_sides_and_defaults_are_shared_evenly(parts):
    assert not set(parts.train["user_id"]) & set(parts.test["user_id"])
    assert 0.2 < len(parts.test) / (len(parts.train) + len(parts.test)) < 0.3
    assert abs(parts.train["defaulted"].mean() - parts.test["defaulted"].mean()) < 0.02


def test_split_follows_its_seed(parts):
    frame = loans(400, seed=5)
    again, other = (credit_risk.split(frame, seed).test["application_id"].tolist() for seed in (0, 1))
    assert credit_risk.split(frame, 0).test["application_id"].tolist() == again != other


def test_too_few_outcomes_say_how_many_are_needed():
    frame = loans(100, seed=1).assign(defaulted=[1] * 7 + [0] * 93)
    with pytest.raises(DataError, match="7 defaulted and 93 repaid applications.* at least 24 of each"):
        credit_risk.split(frame, 0)
    with pytest.raises(DataError, match="at least 20 of each"):
        credit_risk.fit(frame, progress=lambda fraction, text: None)


def test_fit_is_deterministic_and_reports_progress(parts, model):
    fractions = []
    again = credit_risk.fit(parts.train, progress=lambda fraction, text: fractions.append(fraction), n_estimators=40)
    inputs = frame_matrix(model, parts.test)
    np.testing.assert_array_equal(probability(model, inputs), probability(again, inputs))
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_parameters_are_found_by_the_platform():
    assert credit_risk.parameters({"max_depth": 2.0})["max_depth"] == 2


# --- what the score may depend on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("gender", "other"), ("region", "Ladakh लद्दाख"), ("age", 99)])
def test_blind_to_gender_region_and_age(model, parts, name, value):
    inputs = frame_matrix(model, parts.test)
    np.testing.assert_array_equal(inputs, frame_matrix(model, parts.test.assign(**{name: value})))
    assert not {"gender", "region", "age"} & set(FEATURES)


@pytest.mark.parametrize(("feature", "sign"), FEATURES.items())
def test_every_feature_moves_the_risk_in_its_direction_only(model, parts, feature, sign):
    inputs = frame_matrix(model, parts.test.head(150))
    column = list(FEATURES).index(feature)
    before = probability(model, inputs)
    for value in np.quantile(inputs[:, column], np.linspace(0, 1, 15)):
        moved = inputs.copy()
        moved[:, column] = np.maximum(moved[:, column], value)
        assert (sign * (probability(model, moved) - before) >= -1e-9).all()


def test_more_debt_and_a_larger_loan_never_lower_the_risk(model):
    by_debt = [
        default_probability(model, {"existing_emis": emi, "debt_to_income": emi / 60_000})
        for emi in range(0, 70_000, 4_000)
    ]
    by_loan = [default_probability(model, loan_amount=amount) for amount in (1, 5e4, 2e5, 5e5, 1e6, 3e6, 1e7, 1e10)]
    assert by_debt == sorted(by_debt) and by_debt[-1] > by_debt[0] + 0.05
    assert by_loan == sorted(by_loan) and by_loan[-1] > by_loan[0] + 0.05


def test_the_scorecard_keeps_its_signs_even_where_the_data_say_otherwise():
    rng = np.random.default_rng(0)
    inputs = np.abs(rng.normal(1, 0.5, (500, len(FEATURES))))
    label = (inputs[:, 0] + rng.normal(0, 0.3, 500) < 1).astype(float)  # more debt, less default: must not be believed
    line = scorecard.fit(inputs, label, np.array(list(FEATURES.values())))
    assert line["coefficients"][0] == 0
    assert all(c * sign >= 0 for c, sign in zip(line["coefficients"], FEATURES.values(), strict=True))
    assert list(scorecard.TRANSFORMS) == list(FEATURES)


# --- quality and answers ---------------------------------------------------------------------------------------------


def test_better_than_the_baseline_and_calibrated(measured):
    assert measured["auc"] > 0.85
    assert measured["auc"] > measured["baseline_auc"] > 0.5
    assert measured["ece"] < 0.06
    assert measured["gini"] == pytest.approx(2 * measured["auc"] - 1)
    assert json.loads(json.dumps(measured)) == measured


def test_one_outcome_only_cannot_be_judged(model, parts):
    with pytest.raises(DataError, match="were repaid: to measure a ranking, both"):
        credit_risk.evaluate(model, parts.test[parts.test["defaulted"] == 0])


def test_strangers_are_judged_without_history(model):
    stranger = credit_risk.build_features(loans(600, seed=99))
    assert credit_risk.evaluate(model, stranger)["auc"] > 0.8


def test_the_guides_request_is_answered(model):
    request = Request(**credit_risk.spec.example).model_dump() | {"features": FEATURES_OF_USER}
    answer = Answer(**credit_risk.predict(model, [request])[0])
    assert answer.user_id == "user_123"
    assert answer.risk_score == pytest.approx(100 * answer.probability_of_default, abs=0.01)
    assert answer.emi == pytest.approx(11_122.22)
    assert answer.obligations_to_income == pytest.approx((9_000 + 11_122.22) / 60_000, abs=1e-4)
    assert 0 < len(answer.reasons) <= 5
    assert answer.assumed == ["employment_type"]


def test_reasons_are_exact_and_say_the_figure(model, parts):
    inputs = frame_matrix(model, parts.test)
    odds = contributions(model, inputs).sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), probability(model, inputs), atol=1e-5)
    answer = credit_risk.predict(model, [loan_request({"existing_emis": 37_200, "debt_to_income": 0.62})])[0]
    texts = {reason["feature"]: reason["text"] for reason in answer["reasons"]}
    assert texts["debt_to_income"].startswith("debt-to-income of 62 % is high (typical: ")
    assert texts["debt_to_income"].endswith("and raises the risk")
    weights = [abs(reason["contribution"]) for reason in answer["reasons"]]
    assert weights == sorted(weights, reverse=True)


def test_a_batch_is_answered_like_its_requests_and_threads_do_not_mix(model):
    requests = [
        loan_request(loan_amount=amount) | {"user_id": f"U{amount}"} for amount in range(50_000, 1_050_000, 50_000)
    ]
    alone = [credit_risk.predict(model, [each])[0] for each in requests]
    assert credit_risk.predict(model, requests) == alone
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda r: credit_risk.predict(model, [r])[0], requests * 5)) == alone * 5
    assert credit_risk.predict(model, []) == []


def test_missing_features_are_assumed_and_named(model):
    answer = credit_risk.predict(
        model, [loan_request({"on_time_payment_pct": None, "credit_utilization": float("nan")})]
    )[0]
    assert answer["assumed"] == ["on_time_payment_pct", "credit_utilization", "employment_type"]
    given = {"on_time_payment_pct": model.typical["on_time_payment_pct"]}
    given |= {"credit_utilization": model.typical["credit_utilization"]}
    assert answer["risk_score"] == credit_risk.predict(model, [loan_request(given)])[0]["risk_score"]


def test_debt_to_income_follows_from_the_emis_where_missing(model):
    assert default_probability(model, {"debt_to_income": None}) == default_probability(model)


def test_employment_of_the_request_counts(model):
    assert default_probability(model, employment_type="unemployed") > default_probability(
        model, employment_type="salaried"
    )
    assert credit_risk.predict(model, [loan_request(employment_type="gig")])[0]["assumed"] == []


def test_without_income_there_is_an_answer(model):
    answer = Answer(**credit_risk.predict(model, [loan_request({"monthly_income": 0, "existing_emis": 0})])[0])
    assert answer.emi_to_income is None and answer.affordable_loan_amount == 0
    assert "leave no room" in answer.recommendation


@pytest.mark.parametrize("features", [None, {}, {"monthly_income": None, "savings_rate": float("nan")}])
def test_a_user_without_features_is_not_found(model, features):
    with pytest.raises(UserNotFound, match="no financial features of the user 'U1'"):
        credit_risk.predict(model, [loan_request() | {"features": features}])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"monthly_income": None}, "lack monthly_income"),
        ({"monthly_income": "₹60,000"}, "monthly_income of 'U1' is '₹60,000', not a number"),
        ({"existing_emis": -1.0}, "existing_emis of 'U1' is -1.0, out of its range"),
        ({"on_time_payment_pct": 140.0}, "on_time_payment_pct of 'U1' is 140.0, out of its range"),
        ({"credit_utilization": float("inf")}, "credit_utilization of 'U1' is inf, out of its range"),
        ({"income_stability": True}, "income_stability of 'U1' is True, not a number"),
    ],
)
def test_features_that_cannot_be_used(model, features, message):
    with pytest.raises(DataError, match=message):
        credit_risk.predict(model, [loan_request(features)])


@pytest.mark.parametrize(
    "change",
    [
        {"loan_amount": 0},
        {"loan_amount": float("inf")},
        {"loan_tenure_months": 481},
        {"loan_tenure_months": 1.5},
        {"user_id": "  "},
        {"user_id": "U" * 65},
        {"employment_type": "x" * 65},
        {"age": 17},
        {"gender": "female"},
        {"features": {}},
    ],
)
def test_requests_that_are_refused(change):
    with pytest.raises(ValidationError):
        Request(**{"user_id": "U1", "loan_amount": 1, "loan_tenure_months": 1} | change)


def test_categories_decisions_and_rupees():
    assert [category(p) for p in (0, 0.0999, 0.10, 0.2499, 0.25, 1)] == ["low"] * 2 + ["medium"] * 2 + ["high"] * 2
    assert decision("low", 0.5) == "approve" and decision("low", 0.51) == "review"
    assert decision("medium", 0.1) == "review" and decision("high", 0.1) == "decline"
    assert [rupees(a) for a in (0, 999, 1_000, 123_456, 12_345_678.4)] == [
        "₹0",
        "₹999",
        "₹1,000",
        "₹1,23,456",
        "₹1,23,45,678",
    ]


def test_frames_are_answered_like_requests(model, parts):
    rows = parts.test.head(5)
    answered = credit_risk.predict_frame(model, rows, history=parts.train)
    assert list(answered["application_id"]) == list(rows["application_id"])
    row = rows.iloc[0]
    request = loan_request(
        row.to_dict(), loan_amount=row["loan_amount"], loan_tenure_months=int(row["loan_tenure_months"])
    )
    one = credit_risk.predict(model, [request])[0]
    for name in ("probability_of_default", "risk_score", "risk_category", "decision"):
        assert answered[name].iloc[0] == one[name]
    assert answered["reasons"].iloc[0] == "; ".join(reason["text"] for reason in one["reasons"])


# --- files -----------------------------------------------------------------------------------------------------------


def test_saved_and_loaded_it_answers_the_same(model, parts, tmp_path):
    credit_risk.save(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["booster.json", "model.json"]
    loaded = credit_risk.load(tmp_path)
    pd.testing.assert_frame_equal(
        credit_risk.predict_frame(loaded, parts.test), credit_risk.predict_frame(model, parts.test)
    )
    assert credit_risk.evaluate(loaded, parts.test) == credit_risk.evaluate(model, parts.test)


def test_what_cannot_be_loaded_says_why(model, tmp_path):
    with pytest.raises(BundleError, match="not a saved credit_risk model"):
        credit_risk.load(tmp_path)
    credit_risk.save(model, tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(content | {"features": ["gender"]}))
    with pytest.raises(BundleError, match="other features than this version computes"):
        credit_risk.load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(content))
    (tmp_path / "booster.json").write_text("{}")
    with pytest.raises(BundleError, match="not a saved credit_risk model"):
        credit_risk.load(tmp_path)


def test_plots_are_written(model, parts, tmp_path):
    paths = credit_risk.plot(model, parts.test, tmp_path, history=parts.train)
    assert [path.name for path in paths] == ["roc.png", "calibration.png", "importance.png", "fairness.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


# --- words and numbers of other lenders ------------------------------------------------------------------------------

OTHER_WORDS = {
    "salaried": "salaried_private", "self_employed": "business_owner", "gig": "gig_worker", "unemployed": "daily_wage",
    "retired": "pensioner", "student": "rare_word",
}  # fmt: skip


@pytest.fixture(scope="module")
def other_words(parts):
    """A model of a lender whose employment types are none of the samples'."""
    train = parts.train.assign(employment_type=parts.train["employment_type"].map(OTHER_WORDS))
    train = train.drop(train.index[train["employment_type"] == "rare_word"][49:])
    return credit_risk.fit(train, progress=lambda fraction, text: None, n_estimators=40)


def test_words_with_rows_enough_are_learned_in_the_order_of_their_risk(other_words, parts):  # 50 rows
    ranks = other_words.employment_ranks
    assert ranks["daily_wage"] > ranks["gig_worker"] > ranks["salaried_private"]
    assert "rare_word" not in ranks
    test = parts.test.assign(employment_type=parts.test["employment_type"].map(OTHER_WORDS))
    assert credit_risk.evaluate(other_words, test)["auc"] > 0.85


def test_unknown_words_are_neutral_named_and_the_same_in_files_and_requests(other_words, parts):
    rows = credit_risk.build_features(parts.test.head(3).assign(employment_type=["rare_word", "Never Seen", None]))
    answered = credit_risk.predict_frame(other_words, rows)
    neutral = frame_matrix(other_words, rows)[:, list(FEATURES).index("employment_risk")]
    assert len(set(neutral)) == 1 and 0 < neutral[0] < 5
    assert not answered.isna().drop(columns=["employment_type", "employment_risk"]).any().any()
    known = [
        default_probability(other_words, employment_type=word)
        for word in ("salaried_private", "Never Seen", "daily wage")
    ]
    assert known == sorted(known) and len(set(known)) == 3
    answer = credit_risk.predict(other_words, [loan_request(employment_type="Never Seen")])[0]
    assert answer["assumed"] == ["employment_type"]
    assert credit_risk.predict(other_words, [loan_request(employment_type="Daily-Wage")])[0]["assumed"] == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["monthly_income", "existing_emis", "loan_amount", "loan_tenure_months"])
def test_no_answer_is_made_of_a_number_that_is_not_finite(model, parts, column, value):
    rows = parts.test.head(3).astype({column: float})
    rows.loc[1, column] = value
    with pytest.raises(DataError, match="application 2: .* not a finite number"):
        credit_risk.predict_frame(model, credit_risk.build_features(rows))
