"""What of a prediction may be kept for monitoring: no user ids, no unmasked texts."""

from typing import Any

import pandas as pd

from nivesh.text.personal_data import mask

TEXT_DATASETS = ("intents", "ner", "advice")
IDENTITY = ("user_id", "client")


def without_identity(value: Any) -> Any:
    """A request or an answer without who asked; what is no dict stays as it is."""
    return {name: one for name, one in value.items() if name not in IDENTITY} if isinstance(value, dict) else value


def scalars(features: dict[str, Any]) -> dict[str, Any]:
    """Features that are single values; a profile's histograms are tens of kilobytes."""
    return {name: value for name, value in features.items() if not isinstance(value, dict | list | tuple)}


def masked(value: Any) -> Any:
    """JSON with the personal data in its texts masked."""
    if isinstance(value, str):
        return mask(value)[0]
    if isinstance(value, dict):
        return {name: masked(one) for name, one in value.items()}
    return [masked(one) for one in value] if isinstance(value, list) else value


def sampled(frame: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most so many rows, from all parts of the frame, in its order; always the same ones."""
    return frame if len(frame) <= limit else frame.sample(limit, random_state=0).sort_index()
