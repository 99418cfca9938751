import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import data, models
from nivesh.errors import DataError, UserNotFound
from nivesh.features.behaviour import FEATURES, updated, user_profiles
from nivesh.features.profile import Profile
from nivesh.models.anomaly_detector import evaluation, forest
from nivesh.models.anomaly_detector.reasons import reasons
from nivesh.models.anomaly_detector.synthetic_anomalies import KINDS, inject
from nivesh.registry.gate import decide
from tests.models.other_world import World, payments

detector = models.get("anomaly_detector")
FAST = {"trees": 40, "samples": 1024, "synthetic_share": 0.05}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return detector.build_features(payments(World(users=16, days=150), seed=1))


@pytest.fixture(scope="module")
def parts(rows):
    return detector.split(rows, 0)


@pytest.fixture(scope="module")
def model(parts):
    return detector.fit(parts.train, progress=lambda fraction, text: None, **FAST)


def request(transaction: dict, past: dict | None) -> dict:
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
    found = evaluation.binary_metrics(flagged, np.array([0.9, 0.8, 0.3, 0.2, 0.1]), truth)
    assert found["detection_rate"] == 0.5 and found["precision"] == 0.5
    assert found["false_positive_rate"] == pytest.approx(1 / 3)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("labels", ["no column", "zeros", "a handful"])
def test_without_labels_injected_anomalies_are_evaluated(model, parts, labels):
    test = parts.test.drop(columns=["is_anomaly", "anomaly_kind"])
    if labels != "no column":
        test["is_anomaly"] = 0
    if labels == "a handful":
        test["is_anomaly"] = (parts.test["is_anomaly"].cumsum() <= 4) * parts.test["is_anomaly"]
    found = detector.evaluate(model, test)
    assert found["evaluated_on"].startswith("injected synthetic anomalies")
    assert set(found["per_kind"]) == set(KINDS) and found["anomalies"] > 50
    assert found["detection_rate"] > 0.8 > found["baseline_detection_rate"]
    assert found["detection_rate_low"] < found["detection_rate"] < found["detection_rate_high"]
    assert found["rows"] == len(test) + found["anomalies"] - (4 if labels == "a handful" else 0)
    if labels == "a handful":
        handful = found["labelled"]
        assert handful["anomalies"] == 4 and handful["detection_rate_low"] <= handful["detection_rate"]
    assert detector.evaluate(model, test) == found


def test_enough_labels_are_evaluated_themselves(model, parts):
    found = detector.evaluate(model, parts.test)
    assert found["evaluated_on"] == "labelled anomalies" and found["anomalies"] == parts.test["is_anomaly"].sum()


def test_only_anomalies_cannot_be_evaluated(model, rows):
    with pytest.raises(DataError, match="every row is labelled"):
        detector.evaluate(model, rows[rows["is_anomaly"] == 1])


def test_wilsons_interval_by_the_textbook():
    low, high = evaluation.interval(np.array([True] * 8 + [False] * 2))  # 8 of 10: 0.490 to 0.943
    assert (low, high) == (pytest.approx(0.490, abs=0.001), pytest.approx(0.943, abs=0.001))


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
    ours = forest.fit(x, n_estimators=30, max_samples=512, random_state=3, n_jobs=1)
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
    assert model.metadata["threshold_from"] == "contamination"
    zeros = detector.fit(train.assign(is_anomaly=0), progress=lambda fraction, text: None, contamination=0.02, **FAST)
    assert zeros.threshold == model.threshold
    assert found["detection_rate"] > 0.7 and found["false_positive_rate"] < 0.03


def test_few_rows_and_one_user(rows):
    with pytest.raises(DataError, match="at least 100"):
        detector.fit(rows.head(99), progress=lambda fraction, text: None)
    single_user = rows[rows["user_id"] == "P2"]
    assert detector.fit(single_user, progress=lambda fraction, text: None, **FAST).threshold > 0.3


@pytest.mark.parametrize(
    "wrong",
    [{"contamination": 0.0}, {"false_positive_budget": 0.7}, {"trees": 0}, {"synthetic_share": 0.9}, {"C": 0.0}],
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
    past = json.loads(json.dumps(user_profiles(before)[user]))
    names = ("amount", "direction", "category", "merchant", "account", "city")
    answer = detector.predict(
        model, [request({n: last[n] for n in names} | {"timestamp": str(last["timestamp"])}, past)]
    )[0]
    whole = detector.predict_frame(model, rows).iloc[-1]
    assert answer["anomaly_score"] == whole["anomaly_score"]
    assert answer["is_anomaly"] == whole["predicted_anomaly"]
    assert answer["history"] == len(before)
    detector.Answer.model_validate(answer)


def test_a_shock_is_flagged_with_reasons(model, rows):
    group = rows.loc[rows["user_id"] == "P1", "category"].mode()[0]
    past = user_profiles(rows[rows["user_id"] == "P1"])["P1"]
    shock = {
        "amount": 9e6,
        "category": group,
        "merchant": "Zenith 💎 ₹",
        "city": "Moscow",
        "timestamp": "2025-04-02T03:10:00",
    }
    answer = detector.predict(model, [request(shock, past)])[0]
    assert answer["is_anomaly"] and 0.5 < answer["anomaly_score"] <= 1
    assert any("× the usual for" in text for text in answer["reasons"]) and "first time in Moscow" in answer["reasons"]


def test_a_new_user_gets_a_cautious_answer(model):
    answer = detector.predict(
        model, [request({"amount": 500, "category": "food", "merchant": "x"}, Profile().to_stored())]
    )[0]
    assert not answer["is_anomaly"] and answer["history"] == 0
    assert "only 0 earlier transactions" in answer["reasons"][-1]


def test_with_fewer_than_20_rows_repeats_bursts_and_extreme_amounts_are_found(model):
    days = pd.date_range("2025-03-01", periods=12)
    first = pd.DataFrame(
        {
            "user_id": "P1", "timestamp": days + pd.Timedelta(hours=14), "amount": [200.0 + 9 * n for n in range(12)],
            "direction": "debit", "category": ["food", "fuel", "food"] * 4, "merchant": ["Cafe", "Pump", "Grill"] * 4,
            "account": "main", "city": "Pune",
        }
    )  # fmt: skip
    past = user_profiles(first)["P1"]
    usual = {"amount": 250, "category": "food", "merchant": "Cafe", "city": "Pune"}

    def answer(profile, **changed):
        return detector.predict(model, [request(usual | changed, profile)])[0]

    ordinary, larger, extreme = answer(past), answer(past, amount=450), answer(past, amount=90_000)
    assert not ordinary["is_anomaly"] and not larger["is_anomaly"] and extreme["is_anomaly"]
    assert "only 12 earlier transactions" in ordinary["reasons"][-1]
    charged = updated(past, usual | {"timestamp": "2025-04-01T13:59:00"})
    assert answer(charged)["is_anomaly"]
    for minute in range(6):
        past = updated(
            past, usual | {"timestamp": f"2025-04-01T13:5{minute}:00", "amount": 20 + minute, "merchant": "New"}
        )
    burst = answer(past, amount=27, merchant="New")
    assert burst["is_anomaly"] and burst["history"] == 18


def test_users_with_few_rows_each_train_a_model():
    rows = detector.build_features(payments(World(users=40, days=7), seed=4).groupby("user_id").head(20))
    assert rows.groupby("user_id").size().max() <= 20
    few = detector.fit(rows.drop(columns=["is_anomaly"]), progress=lambda fraction, text: None, **FAST)
    found = detector.evaluate(few, detector.split(rows, 0).test.drop(columns=["is_anomaly"]))
    assert found["anomalies"] > 0 and found["false_positive_rate"] < 0.05


def test_the_example_fits_the_request(model):
    assert detector.Request.model_validate(detector.spec.example)


def test_no_profile_and_a_foreign_profile(model):
    food = {"amount": 5, "category": "food", "merchant": "x"}
    with pytest.raises(UserNotFound, match="P1"):
        detector.predict(model, [request(food, None)])
    with pytest.raises(DataError, match="another version"):
        detector.predict(model, [request(food, {"mean": 3})])
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
        request({"amount": 5, "category": "food", "merchant": "चाय"} | wrong, None)


def test_predict_frame_keeps_the_rows_and_explains_what_it_flags(model, parts):
    plain = parts.test.drop(columns=list(FEATURES))
    answered = detector.predict_frame(model, plain)
    assert list(answered["transaction_id"]) == list(plain["transaction_id"])
    flagged = answered["predicted_anomaly"]
    assert flagged.any() and answered.loc[flagged, "reasons"].str.len().min() >= 1
    assert answered.loc[~flagged, "reasons"].str.len().max() == 0


def test_reasons_name_the_strongest_first():
    facts = dict.fromkeys(FEATURES, 0.0) | {"history": 400, "amount_category": 4.0, "ratio_category": 18.2}
    facts |= {"visits_category": 60, "city_unseen": 6.0, "city_new": 6.0}
    row = {"merchant": "DMart", "category": "groceries", "city": "Moscow", "timestamp": "2025-10-01T02:30:00"}
    assert reasons(row, facts, True) == ["first time in Moscow", "amount 18× the usual for groceries"]
    assert reasons(row, dict.fromkeys(FEATURES, 0.0) | {"history": 400}, False) == []


def test_synthetic_anomalies_of_all_kinds_are_added_without_a_change_to_real_rows(rows):
    plain = rows.drop(columns=list(FEATURES))
    mixed = inject(plain, 0.05, 0)
    assert set(mixed["synthetic_kind"]) == {"", *KINDS}
    assert list(mixed.loc[mixed["synthetic_kind"] == "", "transaction_id"]) == list(plain["transaction_id"])
    assert mixed["timestamp"].is_monotonic_increasing and (mixed["amount"] > 0).all()


def test_plots_are_written(model, parts, tmp_path):
    paths = detector.plot(model, parts.test, tmp_path)
    assert len(paths) == 3 and all(path.stat().st_size > 5000 for path in paths)


@pytest.mark.parametrize("labels", [{}, {"is_anomaly": 0}])
def test_a_file_without_labels_goes_from_the_reader_to_the_gate(tmp_path, labels):
    frame = payments(World(users=10, days=60), seed=3).drop(columns=["is_anomaly", "anomaly_kind"])
    path = tmp_path / "bank.csv"
    frame.assign(**labels).to_csv(path, index=False)
    rows = detector.build_features(data.read("transactions", path))
    halves = detector.split(rows, 0)
    fitted = detector.fit(halves.train, progress=lambda fraction, text: None, contamination=0.02, **FAST)
    verdict = decide(detector.spec, detector.evaluate(fitted, halves.test, history=halves.train))
    assert verdict.passed and "measured on injected synthetic anomalies (none labelled)" in verdict.reason
