"""Training frames by point-in-time join: what requests would have read from the online store at given times."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from nivesh import models
from nivesh.errors import DataError
from nivesh.features.feature_views import CATCH_ALL, FEATURE_TTL, feature_names
from nivesh.features.groups import COMPUTE
from nivesh.features.transaction import INDIA
from nivesh.store import snapshots


class Joined(NamedTuple):
    """Rows whose features come from transactions where there are any.

    Attributes:
        rows: all rows; ``columns`` of the joined ones are those that the online store would have given.
        is_joined: (rows,) which.
        columns: names of the features that were replaced.
    """

    rows: pd.DataFrame
    is_joined: np.ndarray
    columns: list[str]


def training_frame(key: str, entities: pd.DataFrame, transactions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Join a model's features to rows of users and times, without leakage from later snapshots.

    The same join as Feast's ``get_historical_features``, which in 0.67 drops the rows without a snapshot and fails
    where none has one; where both answer, the answers are equal (tests/store/test_point_in_time.py).

    Args:
        key: of the model.
        entities: columns ``user_id`` and ``event_timestamp`` (UTC where it has no zone); other columns are kept.
        transactions: checked rows to make the snapshots of, one at the start of each month, as a monthly materialisation
            would; without them the snapshots of the feature store.

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
    frame = pd.DataFrame(
        {"user_id": entities["user_id"].astype(str), "event_timestamp": times, "row": range(len(entities))}
    )
    if transactions is None:
        known = _stored(spec.user_features, times)
    else:
        known = _monthly(spec.user_features, transactions[transactions["user_id"].isin(frame["user_id"])], times)
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


def join_transactions(key: str, rows: pd.DataFrame, transactions: pd.DataFrame) -> Joined:
    """Rows of a dataset with the features of ``training_frame`` in place of the file's, where a user has transactions.

    Args:
        key: of the model.
        rows: checked rows with user_id and applied_at (Indian time), and the features as columns.
        transactions: checked rows of these users and others.

    Raises:
        DataError: the rows have no applied_at, or none of them a user with transactions before it.
    """
    if "applied_at" not in rows:
        raise DataError(
            "to make features from transactions, the applications need the column applied_at (when each was applied for): "
            "transactions after that time must not count. Add it, or name it in the dialect: columns: {applied_at: NAME}"
        )
    names = [name for name in feature_names(models.get(key).spec.user_features) if name in rows]
    times = rows["applied_at"].dt.tz_localize(INDIA)
    entities = pd.DataFrame({"user_id": rows["user_id"], "event_timestamp": times}, index=rows.index)
    made = training_frame(key, entities, transactions)[names].astype(float)
    is_joined = made.notna().any(axis=1).to_numpy()
    if not is_joined.any():
        raise DataError(
            f"none of the {rows['user_id'].nunique()} users of the applications has transactions before applying; check "
            "that user_id is the same in both files, and that the transactions are old enough"
        )
    replaced = {name: np.where(is_joined, made[name], rows[name].astype(float)) for name in names}
    return Joined(rows.assign(**replaced), is_joined, names)


def _stored(group: str, times: pd.Series) -> pd.DataFrame:
    start, end = times.min() - FEATURE_TTL, times.max()
    files = snapshots.between(group, start, end)
    if not files:
        raise DataError(f"there are no snapshots of {group} up to {end}: nivesh features materialize")
    return pd.concat(map(pd.read_parquet, reversed(files)), ignore_index=True)


def _monthly(group: str, transactions: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
    """Snapshots at the start of each month of the times, by Indian time; each of the transactions before it."""
    months = times.dt.tz_convert(INDIA).dt.tz_localize(None).dt.to_period("M").drop_duplicates().sort_values()
    made = [snapshots.as_table(group, {}, pd.Timestamp(0, tz="UTC")).to_pandas()]
    for month in months.dt.start_time:
        earlier = transactions[transactions["timestamp"] < month]
        if len(earlier):
            event_time = month.tz_localize(INDIA).tz_convert("UTC").to_pydatetime()
            made.append(snapshots.as_table(group, COMPUTE[group](earlier), event_time).to_pandas())
    return pd.concat(made[1:] or made, ignore_index=True)
