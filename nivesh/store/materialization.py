"""Transactions -> Parquet snapshots of every user's features -> Feast -> Redis, from which the servers read."""

import contextlib
import io
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from nivesh import data
from nivesh.errors import DataError
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.features.groups import COMPUTE
from nivesh.features.transaction import INDIA
from nivesh.store import feast_repo, snapshots


def materialize(
    path: str | Path | None = None,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    as_of: datetime | None = None,
    incremental: bool = False,
) -> dict[str, int]:
    """Make, keep and load the features that the models' requests are completed with.

    Each group is computed by the functions that a model's training rows go through: ``nivesh.features.groups``.

    Args:
        path: a file of transactions; the shipped sample without it.
        progress: is told the finished fraction and what is done.
        as_of: the moment that the features are about: only what happened before it counts (Indian time where it has no
            zone). Without it all transactions count, and the moment is now.
        incremental: load only what is newer than the last load, in place of all that is not too old.

    Returns:
        Users by group.
    """
    progress(0.0, "reading transactions")
    transactions = data.read("transactions", path)
    moment = datetime.now(UTC)
    if as_of is not None:
        moment = (as_of if as_of.tzinfo else as_of.replace(tzinfo=INDIA)).astimezone(UTC)
        if moment > datetime.now(UTC):  # the store would keep it against everything that is made before then
            raise DataError(f"{as_of} has not come yet; give a moment up to now")
        transactions = transactions[transactions["timestamp"] < moment.astimezone(INDIA).replace(tzinfo=None)]
        if transactions.empty:
            raise DataError(f"no transactions before {as_of}; give a later moment")
    made = {}
    for number, (group, compute) in enumerate(COMPUTE.items()):
        progress(0.6 * number / len(COMPUTE), group)
        made[group] = compute(transactions)
    progress(0.6, "Feast")
    for group, features in made.items():
        snapshots.write(group, features, moment)
    with _quiet():
        store = feast_repo.open_store()
        feast_repo.materialize(store, None if incremental else moment - FEATURE_TTL, moment)
    progress(1.0, "done")
    return {group: len(features) for group, features in made.items()}


@contextlib.contextmanager
def _quiet():
    """Feast prints a banner and a bar for each view; its warnings stay."""
    logging.getLogger("feast").setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        yield
