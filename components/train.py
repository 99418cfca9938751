from kfp.dsl import Dataset, Input, Model, Output

from components.image import component


@component
def train(key: str, rows: Input[Dataset], params: dict, model: Output[Model]):
    """Fit the model and save it in its portable format.

    Args:
        key: The model's key.
        rows: The training rows.
        params: Training parameters that differ from the model's defaults.
        model: A folder with the saved model.
    """
    import json
    import time
    from pathlib import Path

    from nivesh import data, models
    from nivesh.registry import dataset_inputs, tracking
    from nivesh.registry.champion_labels import check_labels

    definition = models.get(key)
    parameters = definition.parameters(params)
    frame = data.read_parquet(rows.path)
    check_labels(key, definition.labels_in(frame), parameters.get("labels_from_data", False))
    started = time.monotonic()
    with tracking.step(key, "train") as run_id:
        runs = (tracking.parent_run(key), run_id)
        dataset_inputs.log_datasets(runs, definition.spec.dataset, rows.metadata, frame)
        fitted = definition.fit(frame, progress=tracking.report_progress, **parameters)
    seconds = time.monotonic() - started
    Path(model.path).mkdir(parents=True)
    definition.save(fitted, Path(model.path))
    model.metadata |= rows.metadata | tracking.training_metadata(key, parameters, seconds)
    model.metadata["labels"] = json.dumps(definition.labels(fitted))
    print(f"trained in {seconds:.1f} s")
