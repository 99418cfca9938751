from datetime import UTC

import pandas as pd
import pytest

from nivesh import data
from nivesh.features.finances import user_financial_features
from nivesh.store import snapshots

EVENT_TIMES = [pd.Timestamp(f"2025-{month:02}-01") for month in (3, 4, 5)]
USERS = ["user_123", "user_456"]


@pytest.fixture
def history(store):
    """Finances of a few users at three event times; by event time, as the pure function gives them."""
    rows = data.read("transactions")
    rows = rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:8]) | rows["user_id"].isin(USERS)]
    made = {time: user_financial_features(rows, time) for time in EVENT_TIMES}
    for time, frame in made.items():
        kept = frame.astype(object).where(frame.notna(), None).to_dict(orient="index")
        snapshots.write("finances", kept, time.to_pydatetime().replace(tzinfo=UTC))
    return made
