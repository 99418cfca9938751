from kfp.dsl import Input, Model, Output

from components.image import component


@component
def join(key: str, shared: Input[Model], model: Output[Model]):
    """Put together what all users share and what the segments of this run gave.

    Args:
        key: The model's key.
        shared: What all users share.
        model: A folder with the whole model; its metadata name the segments and users that failed.
    """
    from pathlib import Path

    from nivesh import models, segments, tracking

    module = models.get(key)
    with tracking.step(key, "join"):
        whole, facts = segments.join(key, module.load(Path(shared.path)))
    Path(model.path).mkdir(parents=True)
    module.save(whole, Path(model.path))
    model.metadata |= shared.metadata | facts
    print("; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()))
