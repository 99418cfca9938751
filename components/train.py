from kfp.dsl import Dataset, Input, Model, Output

from components.image import component


@component
def train(key: str, run: str, learn: Input[Dataset], params: dict, model: Output[Model]):
    """Fit the model and save it in its portable format.

    Args:
        key: The model's key.
        run: The id of the pipeline's run.
        learn: The rows to learn from.
        params: Training parameters that differ from the model's defaults.
        model: A folder with the saved model.
    """
    import time
    from pathlib import Path

    from nivesh import data, models, tracking
    from nivesh.registry import code_version

    def progress(fraction: float, text: str) -> None:
        print(f"progress {fraction:.3f} {text}", flush=True)

    used = models.parameters(key, params)
    module = models.get(key)
    started = time.monotonic()
    with tracking.step(key, run, "train"):
        fitted = module.fit(data.load(learn.path), progress=progress, **used)
    seconds = round(time.monotonic() - started, 1)
    Path(model.path).mkdir(parents=True)
    module.save(fitted, Path(model.path))
    model.metadata |= {
        **learn.metadata,
        "params": used,
        "seconds": seconds,
        "git_commit": code_version(),
        "training_source": f"nivesh.models.{key}",
    }
    print(f"trained in {seconds} s")
