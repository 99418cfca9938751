from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output

from components.image import component


@component
def evaluate(
    key: str,
    model: Input[Model],
    learn: Input[Dataset],
    held_out: Input[Dataset],
    metrics: Output[Metrics],
    report: Output[Artifact],
):
    """Measure the challenger, and the champion beside it, on the same held-out rows; draw the plots.

    Args:
        key: The model's key.
        model: The challenger.
        learn: What came before the held-out rows, for models that need a history.
        held_out: The rows to judge by.
        metrics: The challenger's numbers, for the run's page.
        report: A folder: metrics.json, champion.json (null where there is none) and PNG plots; its metadata name the
            champion's version.
    """
    import json
    from pathlib import Path

    from nivesh import bundle, data, models, registry, tracking

    with tracking.step(key, "evaluate"):
        module = models.get(key)
        history, rows = data.load(learn.path), data.load(held_out.path)
        challenger = module.load(Path(model.path))
        measured = module.evaluate(challenger, rows, history=history)
        champion, version = None, registry.by_alias(key, registry.CHAMPION)
        if version:
            _, _, served = bundle.load(registry.bundle_of(version))
            champion = module.evaluate(served, rows, history=history)
        report.metadata["champion"] = registry.label(version) if version else ""
        folder = Path(report.path)
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(measured, indent=2))
        (folder / "champion.json").write_text(json.dumps(champion, indent=2))
        module.plot(challenger, rows, folder, history=history)
    for name, value in registry.flatten(measured).items():
        if "." not in name:
            metrics.log_metric(name, value)
    print(f"{module.SPEC.primary} {measured[module.SPEC.primary]}")
