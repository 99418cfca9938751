"""Materialisation: transactions -> features of all users -> Parquet snapshots -> Redis, from which the servers read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from nivesh import data
from nivesh.errors import DataError
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.features.groups import COMPUTE
from nivesh.features.transaction import INDIA
from nivesh.store import loading, online_store, snapshots
from nivesh.store.storage_format import MAX_CLOCK_SKEW


def materialize(
    path: str | Path | None = None,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    as_of: datetime | None = None,
    incremental: bool = False,
    dialect: data.Dialect = data.DEFAULT,
) -> dict[str, int]:
    """Compute, store and load the features that complete the models' requests.

    Each group is computed by the functions that a model's training rows go through: ``nivesh.features.groups``.

    Args:
        path: a file of transactions; without it the shipped sample.
        progress: called with the finished fraction (0 to 1) and what is done next.
        as_of: event time of the features: only transactions before it count, and the file is taken to be complete up
            to it. Indian time where it has no zone. Without it the event time is that of the newest transaction, so
            that an old export does not look fresh; the shipped sample counts as complete up to now.
        incremental: load only snapshots since the last load, in place of all within ``FEATURE_TTL``.
        dialect: what the file does differently from the project's own format.

    Returns:
        The number of users by group.

    Raises:
        DataError: the file is invalid or has no transactions before ``as_of``, or a time is in the future.
        FeaturesUnavailable: Redis is away or refuses. The next load writes what is missing.
    """
    now = datetime.now(UTC)
    progress(0.0, "reading transactions")
    transactions = data.read("transactions", path, dialect=dialect)
    if path is None and as_of is None:
        as_of = now
    transactions, event_time = _up_to(transactions, as_of, now)
    features = {}
    for number, (group, compute) in enumerate(COMPUTE.items()):
        progress(0.6 * number / len(COMPUTE), group)
        features[group] = compute(transactions)
    progress(0.6, "loading")
    for group, by_user in features.items():
        snapshots.write(group, by_user, event_time)
    load(COMPUTE, event_time, now, incremental)
    progress(1.0, "done")
    return {group: len(by_user) for group, by_user in features.items()}


def load(groups: Iterable[str], event_time: datetime, now: datetime, incremental: bool = False) -> None:
    """Load snapshots up to an event time into Redis, and mark the groups as materialised, last of all.

    Args:
        groups: to load.
        event_time: load each user's newest snapshot up to it.
        now: the present time.
        incremental: only snapshots since the event time of the last load; all where Redis lost its data since.

    Raises:
        FeaturesUnavailable: Redis is away or refuses. The next load writes what is missing.
    """
    for group in groups:
        start = event_time - FEATURE_TTL
        last = online_store.materialized(group) if incremental else None
        if last is not None and last <= now.timestamp() + MAX_CLOCK_SKEW:  # else a clock was ahead
            start = datetime.fromtimestamp(last, UTC)
        loading.load(group, start, event_time, now)
        loading.mark_materialized(group, event_time)


def _up_to(transactions: pd.DataFrame, as_of: datetime | None, now: datetime) -> tuple[pd.DataFrame, datetime]:
    """The transactions that count, and the event time of their features."""
    latest = now + timedelta(seconds=MAX_CLOCK_SKEW)
    if as_of is not None:
        event_time = (as_of if as_of.tzinfo else as_of.replace(tzinfo=INDIA)).astimezone(UTC)
        if event_time > latest:
            raise DataError(f"{as_of} has not come yet; give a time up to now")
        transactions = transactions[transactions["timestamp"] < event_time.astimezone(INDIA).replace(tzinfo=None)]
        if transactions.empty:
            raise DataError(f"no transactions before {as_of}; give a later time")
        return transactions, event_time
    newest = transactions.loc[transactions["timestamp"].idxmax()]
    event_time = newest["timestamp"].to_pydatetime().replace(tzinfo=INDIA).astimezone(UTC)
    if event_time > latest:
        raise DataError(
            f"transaction {newest['transaction_id']} of user {newest['user_id']}: its timestamp "
            f"{newest['timestamp']} has not come yet; correct it, or give as_of"
        )
    return transactions, event_time
