"""Training frames: what was known at a time, and nothing later; with a real Redis for Feast's own join."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.data.tables import LOANS
from nivesh.errors import DataError
from nivesh.features.feature_views import FEATURE_TTL, views_of
from nivesh.features.finances import USER_FEATURES, user_financial_features
from nivesh.store import feast_store
from nivesh.store.point_in_time import join_transactions, training_frame
from tests.store.conftest import EVENT_TIMES


def test_a_frame_knows_what_was_known_then_and_nothing_later(history):
    users = list(history[EVENT_TIMES[0]].index)
    entities = pd.DataFrame(
        [(user, time + pd.Timedelta(days=days)) for user in users for time in EVENT_TIMES for days in (0, 17)],
        columns=["user_id", "event_timestamp"],
    ).assign(loan_amount=lambda frame: range(len(frame)))
    entities = entities.sample(frac=1, random_state=0)
    frame = training_frame("credit_risk", entities)
    pd.testing.assert_frame_equal(frame[entities.columns], entities)
    for _, row in frame.iterrows():
        then = max(time for time in EVENT_TIMES if time <= row["event_timestamp"])
        expected = history[then].loc[row["user_id"], list(USER_FEATURES)].to_numpy(float)
        np.testing.assert_array_equal(row[list(USER_FEATURES)].to_numpy(float), expected)
    assert history[EVENT_TIMES[0]].to_numpy().tolist() != history[EVENT_TIMES[2]].to_numpy().tolist()


def test_the_frame_is_that_of_feast(history):
    entities = pd.DataFrame(
        [(user, time + pd.Timedelta(days=5, seconds=1)) for time in EVENT_TIMES for user in history[time].index],
        columns=["user_id", "event_timestamp"],
    )
    feast = feast_store.open_store()
    views = [f"{domain.name}:{name}" for domain in views_of("finances")[:-1] for name in domain.features]
    theirs = feast.get_historical_features(entities, views).to_df().sort_values(["event_timestamp", "user_id"])
    ours = training_frame("credit_risk", entities).sort_values(["event_timestamp", "user_id"])
    np.testing.assert_array_equal(ours[list(USER_FEATURES)].to_numpy(), theirs[list(USER_FEATURES)].to_numpy(float))


def test_rows_without_a_snapshot_stay_and_are_missing(history):
    late = EVENT_TIMES[-1] + FEATURE_TTL + pd.Timedelta(days=1)
    entities = pd.DataFrame(
        {
            "user_id": ["nobody", history[EVENT_TIMES[0]].index[0], history[EVENT_TIMES[0]].index[0]],
            "event_timestamp": [EVENT_TIMES[1], EVENT_TIMES[0] - pd.Timedelta(days=1), late],
        }
    )
    frame = training_frame("credit_risk", entities)
    assert frame[list(USER_FEATURES)].isna().all(axis=None) and len(frame) == 3


def test_a_model_without_features_has_no_frame(home):
    with pytest.raises(DataError, match="reads no features"):
        training_frame("intent_classifier", pd.DataFrame())


def test_a_frame_before_anything_was_made(store):
    entities = pd.DataFrame({"user_id": ["user_123"], "event_timestamp": [datetime(2025, 1, 1)]})
    with pytest.raises(DataError, match="nivesh features materialize"):
        training_frame("credit_risk", entities)


@pytest.fixture(scope="module")
def transactions():
    return data.read("transactions")


@pytest.fixture
def loans(transactions):
    """Applications of two users with transactions, in mid-month, and of one without."""
    rows = data.read("loans").head(3)
    users = [*sorted(transactions["user_id"].unique())[:2], "stranger"]
    return rows.assign(user_id=users, applied_at=pd.to_datetime(["2025-04-15", "2025-05-01", "2025-05-20"]))


COLUMNS = [name for name in USER_FEATURES if name in LOANS.columns]


def test_loans_get_the_features_that_a_request_would_have_got(home, loans, transactions):
    joined = join_transactions("credit_risk", loans, transactions)
    assert joined.is_joined.tolist() == [True, True, False] and joined.columns == COLUMNS
    for place, start in ((0, "2025-04-01"), (1, "2025-05-01")):
        expected = user_financial_features(transactions, pd.Timestamp(start)).loc[loans["user_id"].iloc[place], COLUMNS]
        np.testing.assert_array_equal(joined.rows.loc[place, COLUMNS].to_numpy(float), expected.to_numpy(float))
    others = [name for name in loans if name not in COLUMNS]
    pd.testing.assert_frame_equal(joined.rows[others], loans[others])
    assert joined.rows.loc[2, COLUMNS].tolist() == loans.loc[2, COLUMNS].tolist()


def test_transactions_after_the_application_change_nothing(home, loans, transactions):
    later = transactions["timestamp"] >= "2025-05-01"
    joined = join_transactions("credit_risk", loans, transactions)
    pd.testing.assert_frame_equal(join_transactions("credit_risk", loans, transactions[~later]).rows, joined.rows)
    doubled = transactions.assign(amount=transactions["amount"].where(~later, 100 * transactions["amount"]))
    pd.testing.assert_frame_equal(join_transactions("credit_risk", loans, doubled).rows, joined.rows)


def test_without_a_time_or_a_user_in_common_the_join_is_refused(home, loans, transactions):
    with pytest.raises(DataError, match="need the column applied_at .* columns: {applied_at: NAME}"):
        join_transactions("credit_risk", loans.drop(columns="applied_at"), transactions)
    with pytest.raises(DataError, match="none of the 1 users .* check that user_id"):
        join_transactions("credit_risk", loans.iloc[2:], transactions)
    with pytest.raises(DataError, match="none of the 3 users"):
        join_transactions("credit_risk", loans.assign(applied_at=pd.Timestamp("2020-01-01")), transactions)
