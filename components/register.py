from kfp.dsl import Artifact, Input, Model

from components.image import component


@component
def register(key: str, model: Input[Model], verdict: Input[Artifact]) -> str:
    """Register the model as the next version and as challenger; returns its semantic version.

    Args:
        key: The model's key.
        model: The challenger, with what is known of its training.
        verdict: What the gate said, and which MLflow run holds the model's files.
    """
    import json
    from pathlib import Path

    from nivesh import registry

    decision = json.loads(Path(verdict.path).read_text())
    tags = {name: str(model.metadata[name]) for name in ("data_sha256", "data_source", "git_commit", "training_source")}
    version = registry.register_model(
        key,
        f"runs:/{verdict.metadata['run_id']}/model",
        tags=tags | {"targets_missed": "; ".join(decision["missed"]), "gate_reason": decision["reason"]},
        description=decision["reason"],
    )
    registry.transition_model_stage(key, version.version, "Staging")
    print(f"{key} {registry.label(version)} is registered as challenger")
    return registry.label(version)
