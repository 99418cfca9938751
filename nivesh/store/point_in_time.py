"""Training frames by point-in-time join: what requests would have read from the online store at given times."""

import pandas as pd

from nivesh import models
from nivesh.errors import DataError
from nivesh.features.feature_views import CATCH_ALL, FEATURE_TTL
from nivesh.store import snapshots


def training_frame(key: str, entities: pd.DataFrame) -> pd.DataFrame:
    """Join a model's features to rows of users and times, without leakage from later snapshots.

    The same join as Feast's ``get_historical_features``, which in 0.67 drops the rows without a snapshot and fails
    where none has one; where both answer, the answers are equal (tests/store/test_point_in_time.py).

    Args:
        key: of the model.
        entities: columns ``user_id`` and ``event_timestamp`` (UTC where it has no zone); other columns are kept.

    Returns:
        The rows, in their order and with their index, with a column for each feature: of the user's newest snapshot
        not after the row's time and not older than ``FEATURE_TTL``; missing where there is none. Features other than
        numbers and strings are JSON texts.

    Raises:
        DataError: the model reads no features, or there is no snapshot.
    """
    spec = models.get(key).spec
    if not spec.user_features:
        raise DataError(f"{spec.key} reads no features of users")
    times = pd.to_datetime(entities["event_timestamp"], utc=True).astype("datetime64[us, UTC]")
    start, end = times.min() - FEATURE_TTL, times.max()
    files = snapshots.between(spec.user_features, start, end)
    if not files:
        raise DataError(f"there are no snapshots of {spec.user_features} up to {end}: nivesh features materialize")
    frame = pd.DataFrame(
        {"user_id": entities["user_id"].astype(str), "event_timestamp": times, "row": range(len(entities))}
    )
    known = pd.concat(map(pd.read_parquet, reversed(files)), ignore_index=True)
    joined = pd.merge_asof(
        frame.sort_values("event_timestamp", kind="stable"),
        known,
        on="event_timestamp",
        by="user_id",
        tolerance=FEATURE_TTL,
    )
    features = joined.sort_values("row").drop(columns=["user_id", "event_timestamp", "row"])
    if features[CATCH_ALL].isna().all():
        features = features.drop(columns=CATCH_ALL)
    return entities.join(features.set_axis(entities.index))
