"""Transactions -> Parquet snapshots of every user's features -> Feast -> Redis, from which the servers read."""

import contextlib
import io
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nivesh import data, feast_repo, models
from nivesh.errors import DataError
from nivesh.feast_format import to_json
from nivesh.features.domains import JSON, KEEP, NUMBER, OTHER, WHOLE, Domain, of_group
from nivesh.features.moments import INDIA

ARROW = {NUMBER: pa.float64(), WHOLE: pa.int64()}


def materialize(
    path: str | Path | None = None,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    as_of: datetime | None = None,
    incremental: bool = False,
) -> dict[str, int]:
    """Make, keep and load the features that the models' requests are completed with.

    Each model that names a group in ``SPEC.user_features`` makes it with its ``online_features``, the same functions
    that its training rows go through.

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
    makers = {module.SPEC.user_features: module for module in map(models.get, models.keys())}
    makers.pop("", None)
    made = {}
    for number, (group, module) in enumerate(sorted(makers.items())):
        progress(0.6 * number / len(makers), group)
        made[group] = module.online_features(transactions)
    progress(0.6, "Feast")
    for group, features in made.items():
        write_snapshot(group, features, moment)
    with _quiet():
        store = feast_repo.open_store()
        feast_repo.materialize(store, None if incremental else moment - KEEP, moment)
    progress(1.0, "done")
    return {group: len(features) for group, features in made.items()}


def write_snapshot(group: str, features: dict[str, dict[str, Any]], moment: datetime) -> None:
    """Write the features of many users at one moment as one Parquet file for each domain of their group.

    Other users' features at the same moment stay.
    """
    *domains, other = of_group(group)
    named = {name for domain in domains for name in domain.features}
    rest = {user: {k: v for k, v in values.items() if k not in named} for user, values in features.items()}
    with feast_repo.alone():
        for domain in domains:
            _write(domain, features, moment)
        if any(rest.values()):
            _write(other, {user: {OTHER: values} for user, values in rest.items()}, moment)


def _write(domain: Domain, features: dict[str, dict[str, Any]], moment: datetime) -> None:
    columns = {
        "user_id": pa.array(features, pa.string()),
        "event_timestamp": pa.array([moment] * len(features), pa.timestamp("us", "UTC")),
    }
    for name, kind in domain.features.items():
        values = [row.get(name) for row in features.values()]
        if kind == JSON:
            values = [None if value is None else to_json(value) for value in values]
        columns[name] = pa.array(values, ARROW.get(kind, pa.string()))
    target = feast_repo.folder() / domain.name / f"{moment:%Y%m%dT%H%M%S%f}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if target.exists():
        before = pq.read_table(target)
        others = pc.invert(pc.is_in(before["user_id"], table["user_id"]))
        table = pa.concat_tables([before.filter(others), table])
    draft = target.with_name(".new")  # readers of the folder overlook names that begin with a dot
    pq.write_table(table, draft, compression="zstd")
    draft.rename(target)


@contextlib.contextmanager
def _quiet():
    """Feast prints a banner and a bar for each view; its warnings stay."""
    logging.getLogger("feast").setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        yield
