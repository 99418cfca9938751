from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output

from components.image import component


@component
def evaluate(
    key: str,
    model: Input[Model],
    train: Input[Dataset],
    test: Input[Dataset],
    metrics: Output[Metrics],
    report: Output[Artifact],
    golden_path: str = "",
):
    """Measure the challenger, and the champion beside it, on the same held-out rows; draw the plots.

    Args:
        key: The model's key.
        model: The challenger.
        train: The training rows: the history of the test rows, for models that need one.
        test: The held-out rows.
        metrics: The challenger's numbers, for the run's page.
        report: A folder: metrics.json, champion.json (null where no champion can be used), interval.json (of the
            difference, null where not known), segments.json, golden.json (null without a golden set), PNG plots and reference.parquet,
            held-out rows as served; its metadata name the champion and what is wrong with it.
        golden_path: A file of rows that no model is trained on, to measure both on too.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from nivesh import data, models
    from nivesh.registry import experiments, golden_set, reference_rows, tracking
    from nivesh.registry.comparison import measure_champion

    with tracking.step(key, "evaluate"):
        definition = models.get(key)
        history, rows = data.read_parquet(train.path), data.read_parquet(test.path)
        challenger = definition.load(Path(model.path))
        measured = definition.evaluate(challenger, rows, history=history)
        champion = measure_champion(definition, challenger, rows, history)
        report.metadata |= {
            "champion": champion.version,
            "champion_problem": champion.problem,
            "champion_data_sha256": champion.data_sha256,
        }
        folder = Path(report.path)
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(measured, indent=2))
        (folder / "champion.json").write_text(json.dumps(champion.metrics, indent=2))
        interval = asdict(champion.interval) if champion.interval else None
        (folder / "interval.json").write_text(json.dumps(interval))
        (folder / "segments.json").write_text(json.dumps([asdict(one) for one in champion.segments], indent=2))
        golden = golden_set.measure(definition, challenger, golden_set.read(key, golden_path)) if golden_path else None
        (folder / "golden.json").write_text(json.dumps(asdict(golden) if golden else None, indent=2))
        definition.plot(challenger, rows, folder, history=history)
        reference_rows.write(definition, challenger, rows, history, folder)
    for name, value in experiments.flatten(measured).items():
        if "." not in name:
            metrics.log_metric(name, value)
    print(f"{definition.spec.primary} {measured[definition.spec.primary]}")
