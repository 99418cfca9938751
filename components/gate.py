from kfp.dsl import Artifact, Input, Model, Output

from components.image import component


@component
def gate(key: str, model: Input[Model], report: Input[Artifact], verdict: Output[Artifact]) -> bool:
    """Decide whether the challenger may be registered, and record the training in MLflow with the reason, either way.

    Its one parameter is named Output, since kfp.local resolves a condition on no other name.

    Args:
        key: The model's key.
        model: The challenger, with what is known of its training.
        report: The metrics of challenger and champion, and the plots.
        verdict: JSON of passed, reason and missed targets; its metadata name the MLflow run and the champion.
    """
    import json
    from pathlib import Path

    from nivesh import models
    from nivesh.registry import model_card, tracking
    from nivesh.registry.gate import decide

    with tracking.step(key, "gate"):
        spec = models.get(key).spec
        folder = Path(report.path)
        metrics = json.loads((folder / "metrics.json").read_text())
        decision = decide(spec, metrics, json.loads((folder / "champion.json").read_text()))
        Path(verdict.path).write_text(json.dumps(decision.as_dict()))
        facts = tracking.read_metadata(model.metadata)
        (folder / "card.md").write_text(model_card.card(spec, "(this training)", metrics, decision, facts))
        params = facts.pop("params")
        verdict.metadata |= {"run_id": tracking.parent_run(key), "champion": report.metadata.get("champion", "")}
        tracking.log_training(
            verdict.metadata["run_id"],
            params=params,
            metrics=metrics | {"training_seconds": facts["seconds"]},
            tags={"gate": "passed" if decision.passed else "refused", "gate_reason": decision.reason}
            | {name: str(value) for name, value in facts.items()},
            files={"report": folder},
        )
        print(f"{'passed' if decision.passed else 'refused'}: {decision.reason}")
    if not decision.passed:
        tracking.finish(key)
    return decision.passed
