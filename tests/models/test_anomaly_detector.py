import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh.errors import DataError, UserNotFound
from nivesh.features.behaviour import FEATURES, online_features, profile
from nivesh.models import anomaly_detector as detector
from nivesh.models.anomaly_detector import forest, measure
from nivesh.models.anomaly_detector.departures import KINDS, with_departures
from nivesh.models.anomaly_detector.reasons import reasons
from tests.models.other_world import World, payments

FAST = {"trees": 40, "samples": 1024, "departures": 0.05}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return detector.build_features(payments(World(users=16, days=150), seed=1))


@pytest.fixture(scope="module")
def parts(rows):
    return detector.split(rows, 0)


@pytest.fixture(scope="module")
def model(parts):
    return detector.fit(parts.train, progress=lambda fraction, text: None, **FAST)


def ask(transaction: dict, past: dict | None) -> dict:
    body = {"user_id": "P1", "transaction": {"timestamp": "2025-04-01T14:00:00"} | transaction}
    return detector.Request.model_validate(body).model_dump() | {"features": past}


def test_split_holds_whole_users_out(parts, rows):
    assert not set(parts.train["user_id"]) & set(parts.test["user_id"])
    assert len(parts.train) + len(parts.test) == len(rows)
    assert detector.split(rows, 0).test.equals(parts.test)
    with pytest.raises(DataError, match="at least 2"):
        detector.split(rows[rows["user_id"] == "P1"], 0)


def test_features_are_causal_and_rows_are_kept(rows):
    plain = rows.drop(columns=list(FEATURES))
    early = detector.build_features(plain.head(1500))
    pd.testing.assert_frame_equal(early, rows.head(1500))


def test_strangers_frauds_are_found_and_the_baseline_is_beaten(model, parts):
    found = detector.evaluate(model, parts.test)
    assert found["detection_rate"] > 0.8 > found["baseline_detection_rate"]
    assert found["false_positive_rate"] < 0.02
    assert found["rows"] == len(parts.test) and set(found["per_kind"]) <= set(parts.test["anomaly_kind"])
    assert sum(part["rows"] for part in found["slices"].values()) == found["rows"]
    json.dumps(found, allow_nan=False)


def test_a_model_of_one_world_works_in_another(model):
    other = detector.build_features(payments(World(users=8, days=120, clock="min", cities=False, circle=7), seed=9))
    found = detector.evaluate(model, other)
    assert found["detection_rate"] > 0.75 and found["false_positive_rate"] < 0.02


def test_evaluate_without_built_features_uses_the_history(model, rows):
    plain = rows.drop(columns=list(FEATURES))
    past, late = plain.head(len(plain) // 2), plain.tail(len(plain) - len(plain) // 2)
    direct = detector.evaluate(model, rows.tail(len(late)))
    assert detector.evaluate(model, late, history=past) == direct


def test_metrics_by_hand():
    flagged = np.array([True, True, False, False, False])
    truth = np.array([True, False, True, False, False])
    found = measure.metrics(flagged, np.array([0.9, 0.8, 0.3, 0.2, 0.1]), truth)
    assert found["detection_rate"] == 0.5 and found["precision"] == 0.5
    assert found["false_positive_rate"] == pytest.approx(1 / 3)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


def test_labels_are_needed_to_evaluate(model, rows):
    with pytest.raises(DataError, match="is_anomaly"):
        detector.evaluate(model, rows.drop(columns="is_anomaly"))
    with pytest.raises(DataError, match="both 0 and 1"):
        detector.evaluate(model, rows[rows["is_anomaly"] == 0])


def test_save_and_load_give_the_same_scores(model, parts, tmp_path):
    detector.save(model, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".npz"}
    loaded = detector.load(tmp_path)
    x = parts.test[list(FEATURES)].to_numpy()
    np.testing.assert_array_equal(loaded.score(x), model.score(x))
    assert detector.evaluate(loaded, parts.test) == detector.evaluate(model, parts.test)


def test_a_model_of_other_features_is_refused(model, tmp_path):
    detector.save(model, tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(facts | {"features": ["amount"]}))
    with pytest.raises(DataError, match="train it again"):
        detector.load(tmp_path)


def test_the_arrays_score_as_the_library_does():
    from sklearn.ensemble import IsolationForest

    x = np.random.default_rng(0).exponential(size=(3000, 5)).astype(np.float32)
    ours = forest.grow(x, trees=30, samples=512, seed=3, jobs=1)
    theirs = IsolationForest(n_estimators=30, max_samples=512, random_state=3).fit(x)
    np.testing.assert_allclose(ours.score(x), -theirs.score_samples(x), atol=1e-12)
    assert ours.score(x[:0]).shape == (0,)


def test_same_seed_same_model(parts, model):
    again = detector.fit(parts.train, progress=lambda fraction, text: None, **FAST)
    assert again.threshold == model.threshold
    np.testing.assert_array_equal(again.evidence.weights, model.evidence.weights)


def test_rows_without_labels_train_too(parts):
    train = parts.train.drop(columns=["is_anomaly", "anomaly_kind"])
    model = detector.fit(train, progress=lambda fraction, text: None, contamination=0.02, **FAST)
    found = detector.evaluate(model, parts.test)
    assert model.facts["threshold_from"] == "contamination"
    assert found["detection_rate"] > 0.7 and found["false_positive_rate"] < 0.03


def test_few_rows_and_one_user(rows):
    with pytest.raises(DataError, match="at least 100"):
        detector.fit(rows.head(99), progress=lambda fraction, text: None)
    one = rows[rows["user_id"] == "P2"]
    assert detector.fit(one, progress=lambda fraction, text: None, **FAST).threshold > 0.3


@pytest.mark.parametrize(
    "wrong",
    [{"contamination": 0.0}, {"false_positive_budget": 0.7}, {"trees": 0}, {"departures": 0.9}, {"strength": 0.0}],
)
def test_parameters_out_of_range_are_refused(rows, wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        detector.fit(rows, progress=lambda fraction, text: None, **wrong)


def test_progress_rises_to_the_end(rows):
    seen = []
    detector.fit(rows, progress=lambda fraction, text: seen.append(fraction), **FAST)
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_online_answers_equal_those_of_the_frame(model, parts):
    user = parts.test["user_id"].iloc[0]
    rows = parts.test[parts.test["user_id"] == user].drop(columns=list(FEATURES))
    before, last = rows.iloc[:-1], rows.iloc[-1]
    past = json.loads(json.dumps(online_features(before)[user]))
    names = ("amount", "direction", "category", "merchant", "account", "city")
    answer = detector.predict(model, [ask({n: last[n] for n in names} | {"timestamp": str(last["timestamp"])}, past)])[
        0
    ]
    whole = detector.predict_frame(model, rows).iloc[-1]
    assert answer["anomaly_score"] == whole["anomaly_score"]
    assert answer["is_anomaly"] == whole["predicted_anomaly"]
    assert answer["history"] == len(before)
    detector.Answer.model_validate(answer)


def test_a_shock_is_flagged_with_reasons(model, rows):
    group = rows.loc[rows["user_id"] == "P1", "category"].mode()[0]
    past = online_features(rows[rows["user_id"] == "P1"])["P1"]
    shock = {
        "amount": 9e6,
        "category": group,
        "merchant": "Zenith 💎 ₹",
        "city": "Moscow",
        "timestamp": "2025-04-02T03:10:00",
    }
    answer = detector.predict(model, [ask(shock, past)])[0]
    assert answer["is_anomaly"] and 0.5 < answer["anomaly_score"] <= 1
    assert any("× the usual for" in text for text in answer["reasons"]) and "first time in Moscow" in answer["reasons"]


def test_a_new_user_gets_a_cautious_answer(model):
    answer = detector.predict(model, [ask({"amount": 500, "category": "food", "merchant": "x"}, profile())])[0]
    assert not answer["is_anomaly"] and answer["history"] == 0
    assert "only 0 earlier transactions" in answer["reasons"][-1]


def test_the_example_fits_the_request(model):
    assert detector.Request.model_validate(detector.SPEC.example)


def test_no_profile_and_a_foreign_profile(model):
    food = {"amount": 5, "category": "food", "merchant": "x"}
    with pytest.raises(UserNotFound, match="P1"):
        detector.predict(model, [ask(food, None)])
    with pytest.raises(DataError, match="another version"):
        detector.predict(model, [ask(food, {"mean": 3})])
    assert detector.predict(model, []) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": -5}, {"amount": float("inf")}, {"category": ""}, {"merchant": "m" * 201}, {"timestamp": "soon"},
        {"direction": "sideways"}, {"note": "x"},
    ],
)  # fmt: skip
def test_bad_requests_are_refused(wrong):
    with pytest.raises(ValidationError):
        ask({"amount": 5, "category": "food", "merchant": "चाय"} | wrong, None)


def test_predict_frame_keeps_the_rows_and_explains_what_it_flags(model, parts):
    plain = parts.test.drop(columns=list(FEATURES))
    answered = detector.predict_frame(model, plain)
    assert list(answered["transaction_id"]) == list(plain["transaction_id"])
    flagged = answered["predicted_anomaly"]
    assert flagged.any() and answered.loc[flagged, "reasons"].str.len().min() >= 1
    assert answered.loc[~flagged, "reasons"].str.len().max() == 0


def test_reasons_name_the_strongest_first():
    facts = dict.fromkeys(FEATURES, 0.0) | {"history": 400, "amount_category": 4.0, "times_category": 18.2}
    facts |= {"visits_category": 60, "city_unseen": 6.0, "city_new": 6.0}
    row = {"merchant": "DMart", "category": "groceries", "city": "Moscow", "timestamp": "2025-10-01T02:30:00"}
    assert reasons(row, facts, True) == ["first time in Moscow", "amount 18× the usual for groceries"]
    assert reasons(row, dict.fromkeys(FEATURES, 0.0) | {"history": 400}, False) == []


def test_departures_of_all_kinds_are_added_without_a_change_to_real_rows(rows):
    plain = rows.drop(columns=list(FEATURES))
    mixed = with_departures(plain, 0.05, 0)
    assert set(mixed["made"]) == {"", *KINDS}
    assert list(mixed.loc[mixed["made"] == "", "transaction_id"]) == list(plain["transaction_id"])
    assert mixed["timestamp"].is_monotonic_increasing and (mixed["amount"] > 0).all()


def test_plots_are_written(model, parts, tmp_path):
    paths = detector.plot(model, parts.test, tmp_path)
    assert len(paths) == 3 and all(path.stat().st_size > 5000 for path in paths)
