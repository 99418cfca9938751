"""Transactions -> the online features of every user, in the store that the server reads."""

from collections.abc import Callable
from pathlib import Path

from nivesh import data, feature_store, models


def materialize(
    path: str | Path | None = None, progress: Callable[[float, str], None] = lambda fraction, text: None
) -> dict[str, int]:
    """Make and keep the features that the models' requests are completed with.

    Each model that names a group in ``SPEC.user_features`` makes it with its ``online_features``; they are kept until
    they are made again.

    Args:
        path: a file of transactions; the shipped sample without it.
        progress: is told the finished fraction and what is done.

    Returns:
        Users by group.
    """
    progress(0.0, "reading transactions")
    transactions = data.read("transactions", path)
    groups = {}
    for key in models.keys():
        module = models.get(key)
        groups.setdefault(module.SPEC.user_features, module)
    groups.pop("", None)
    users = {}
    for number, (group, module) in enumerate(sorted(groups.items())):
        progress(number / len(groups), group)
        users[group] = feature_store.save_batch_features(module.online_features(transactions), ttl=None, group=group)
    progress(1.0, "done")
    return users
