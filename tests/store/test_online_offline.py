"""A served score is that of the frame that training would see for the same user and moment, to the last digit."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from nivesh import data, models
from nivesh.models.anomaly_detector.schema import Transaction
from nivesh.serving.predictor import Predictor
from nivesh.store import online_store
from nivesh.store.materialization import materialize
from nivesh.store.point_in_time import training_frame

MOMENT = datetime(2025, 9, 20, 12)  # Indian time
TERMS = {"loan_amount": 500_000.0, "loan_tenure_months": 60}


@pytest.fixture(scope="module")
def transactions():
    return data.read("transactions")


def answers(key, model, requests):
    """What the server answers to these requests, through the store."""
    predictor = Predictor(key, Path("no-bundle"))
    predictor.fitted, predictor.labels = model, {"model_name": key, "version": "test"}
    found = []
    for request in requests:  # one by one, as users ask; a batch must not be needed for equality
        found += predictor._predict([request])
    return found


def test_every_sample_users_scores_are_those_of_the_frame(store, transactions, monkeypatch):
    moment = pd.Timestamp(MOMENT)
    before, after = (
        transactions[mask] for mask in (transactions["timestamp"] < moment, transactions["timestamp"] >= moment)
    )
    materialize(None, as_of=MOMENT)
    users = sorted(before["user_id"].unique())
    stored = online_store.read(users)[users[0]].event_time
    assert datetime.fromtimestamp(stored, UTC) == datetime(2025, 9, 20, 6, 30, tzinfo=UTC)
    monkeypatch.setattr("time.time", lambda: stored + 3600)

    risk = models.get("credit_risk")
    loans = risk.build_features(data.read("loans").head(1500))
    model = risk.fit(loans, progress=lambda *step: None)
    asked = pd.DataFrame({"user_id": users, "event_timestamp": pd.Timestamp(stored, unit="s", tz="UTC")})
    frame = training_frame("credit_risk", asked).assign(employment_type=None, **TERMS)
    online = answers("credit_risk", model, [{"user_id": user, **TERMS} for user in users])
    offline = risk.predict(model, [{**TERMS, "user_id": row["user_id"], "age": None, "region": None,
        "employment_type": None, "features": {k: None if row[k] != row[k] else row[k] for k in risk_names(frame)}}
        for row in frame.to_dict("records")])  # fmt: skip
    assert online == offline and len(online) == transactions["user_id"].nunique()
    by_frame = risk.predict_frame(model, risk.build_features(frame))
    assert [one["risk_score"] for one in online] == by_frame["risk_score"].tolist()
    assert [one["probability_of_default"] for one in online] == by_frame["probability_of_default"].tolist()

    detector = models.get("anomaly_detector")
    some = detector.build_features(before[before["user_id"].isin(users[:10])])
    judge = detector.fit(some, progress=lambda *step: None)
    folded = detector.build_features(transactions)
    following = folded[folded["timestamp"] >= moment].groupby("user_id", as_index=False).head(1)
    assert len(following) == after["user_id"].nunique()
    by_frame = detector.predict_frame(judge, following)
    names = list(Transaction.model_fields)
    requests = [
        {"user_id": row["user_id"], "transaction": {name: row[name] for name in names} | {"timestamp": row["timestamp"].isoformat()}}
        for row in following.to_dict("records")
    ]  # fmt: skip
    online = answers("anomaly_detector", judge, requests)
    assert [one["anomaly_score"] for one in online] == by_frame["anomaly_score"].tolist()
    assert [one["is_anomaly"] for one in online] == by_frame["predicted_anomaly"].tolist()


def risk_names(frame):
    return [name for name in frame if name not in ("user_id", "event_timestamp", "employment_type", *TERMS)]
