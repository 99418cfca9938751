"""Training frames: what was known at a time, and nothing later; with a real Redis for Feast's own join."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError
from nivesh.features.feature_views import FEATURE_TTL, views_of
from nivesh.features.finances import USER_FEATURES
from nivesh.store import feast_store
from nivesh.store.point_in_time import training_frame
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
