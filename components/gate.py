from kfp.dsl import Artifact, Input, Model, Output

from components.image import component


@component
def gate(key: str, model: Input[Model], report: Input[Artifact], accept_equal: bool, verdict: Output[Artifact]) -> bool:
    """Decide whether the challenger may be registered, and record the training in MLflow with the reason, either way.

    Its one parameter is named Output, since kfp.local resolves a condition on no other name.

    Args:
        key: The model's key.
        model: The challenger, with what is known of its training.
        report: The metrics of challenger and champion, and the plots.
        accept_equal: Pass a model that is as good as the champion, where it was trained on another file.
        verdict: JSON of passed, reason and missed targets; its metadata name the MLflow run and the champion.
    """
    import json
    from pathlib import Path

    from nivesh import models
    from nivesh.registry import golden_set, model_card, tracking
    from nivesh.registry.gate import Interval, decide

    with tracking.step(key, "gate"):
        spec = models.get(key).spec
        folder = Path(report.path)
        metrics = json.loads((folder / "metrics.json").read_text())
        champion = json.loads((folder / "champion.json").read_text())
        interval = json.loads((folder / "interval.json").read_text())
        segments = golden_set.segments_from_dicts(json.loads((folder / "segments.json").read_text()))
        golden = golden_set.from_dict(json.loads((folder / "golden.json").read_text()))
        other_data = model.metadata["data_sha256"] != report.metadata.get("champion_data_sha256")
        decision = decide(
            spec,
            metrics,
            champion,
            problem=report.metadata.get("champion_problem", ""),
            interval=Interval(**interval) if interval else None,
            accept_equal=accept_equal and other_data,
            segments=segments,
            golden=golden,
        )
        Path(verdict.path).write_text(json.dumps(decision.as_dict()))
        facts = tracking.read_metadata(model.metadata)
        (folder / "card.md").write_text(model_card.card(spec, "(this training)", metrics, decision, facts))
        params = facts.pop("params")
        verdict.metadata |= {"run_id": tracking.parent_run(key), "champion": report.metadata.get("champion", "")}
        tracking.log_training(
            verdict.metadata["run_id"],
            params=params,
            metrics=metrics | {"training_seconds": facts["seconds"]},
            tags={
                "gate": "passed" if decision.passed else "refused",
                "gate_reason": decision.reason,
                "champion": report.metadata.get("champion", ""),
                "champion_value": str(champion[spec.primary]) if champion else "",
            }
            | {name: str(value) for name, value in facts.items()},
            files={"report": folder},
        )
        print(f"{'passed' if decision.passed else 'refused'}: {decision.reason}")
    if not decision.passed:
        tracking.finish(key)
    return decision.passed
