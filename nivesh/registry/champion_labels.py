"""Labels of a training beside those of the champion: a served label must not disappear by mistake."""

from collections.abc import Iterable

from nivesh.errors import BundleError, DataError, ModelNotFound
from nivesh.registry import bundle, bundle_cache


def champion_labels(key: str) -> list[str]:
    """The labels that the champion answers; empty where there is no champion, or its bundle cannot be read."""
    try:
        return bundle.verify(bundle_cache.champion_folder(key)).labels
    except (BundleError, ModelNotFound):
        return []


def check_labels(key: str, labels: Iterable[str], accept_missing: bool) -> None:
    """Refuse training rows without a label that the champion answers.

    Args:
        key: the model's key.
        labels: of the training rows.
        accept_missing: take the labels of the rows as they are.

    Raises:
        DataError: names the labels.
    """
    missing = sorted(set(champion_labels(key)) - set(labels))
    if missing and not accept_missing:
        raise DataError(
            f"no training row has the label {', '.join(missing)}, which the champion of {key} answers; add rows of it, or "
            "train with --labels-from-data true"
        )
