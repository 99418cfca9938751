from kfp.dsl import Dataset, Input, Model, Output

from components.image import component


@component
def learn(key: str, rows: Input[Dataset], params: dict, parallel: int, shared: Output[Model]) -> list:
    """Fit what all users share, and say which segments are to be fitted for themselves.

    Its one parameter is named Output, since kfp.local resolves a loop on no other name.

    Args:
        key: The model's key.
        rows: The rows to learn from.
        params: Training parameters that differ from the model's defaults.
        parallel: Segments that are fitted at the same time. So many texts come back, each the names of segments that are
            fitted one after another, with commas between them.
        shared: A folder with what all users share.
    """
    import time
    from pathlib import Path

    from nivesh import data, models, segments, tracking

    used = models.parameters(key, params)
    module = models.get(key)
    started = time.monotonic()
    with tracking.step(key, "learn"):
        model = module.learn(data.load(rows.path), progress=tracking.tell, **used)
    Path(shared.path).mkdir(parents=True)
    module.save(model, Path(shared.path))
    shared.metadata |= rows.metadata | tracking.facts(key, used, time.monotonic() - started)
    lanes = segments.lanes(list(module.segments(model)), parallel)
    print(f"{len(lanes)} at a time: {'; '.join(lanes)}")
    return lanes
