from kfp.dsl import Artifact, Input, Model

from components.image import component


@component
def register(key: str, model: Input[Model], verdict: Input[Artifact]) -> str:
    """Register the model as the next version, once for a run; returns its semantic version.

    It is nobody's challenger before it is packaged.

    Args:
        key: The model's key.
        model: The challenger, with what is known of its training.
        verdict: What the gate said, against which champion, and which MLflow run holds the model's files.
    """
    import json
    from pathlib import Path

    from nivesh.registry import model_registry, storage, tracking
    from nivesh.settings import settings

    with tracking.step(key, "register"):
        run, decision = tracking.pipeline_run_id(), json.loads(Path(verdict.path).read_text())
        facts = ("data_sha256", "data_source", "git_commit", "training_source")
        tags = {name: str(model.metadata[name]) for name in facts} | {model_registry.RUN_TAG: run}
        tags[model_registry.MEASURED_AGAINST] = verdict.metadata.get("champion", "")
        # Another registry, such as a laptop's, may have published to the same store.
        reserved = storage.published(key) if settings().serving_namespace else []
        version = model_registry.registered_by(key, run) or model_registry.register_model(
            key,
            f"runs:/{verdict.metadata['run_id']}/model",
            tags=tags | {"targets_missed": "; ".join(decision["missed"]), "gate_reason": decision["reason"]},
            description=decision["reason"],
            reserved=reserved,
        )
        print(f"{key} {model_registry.semantic_version(version)} is registered")
    return model_registry.semantic_version(version)
