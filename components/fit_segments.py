from kfp.dsl import Input, Model

from components.image import component


@component
def fit_segments(key: str, names: str, shared: Input[Model]):
    """Fit segments, one after another. One that cannot be fitted is reported, and takes no other with it.

    Args:
        key: The model's key.
        names: The segments, with commas between them.
        shared: What all users share.
    """
    from pathlib import Path

    from nivesh import models, segments, tracking

    segments.fit(key, names.split(","), models.get(key).load(Path(shared.path)), tracking.tell)
