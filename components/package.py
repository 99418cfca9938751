from kfp.dsl import Artifact, Input, Model

from components.image import component


@component
def package(key: str, version: str, model: Input[Model], report: Input[Artifact], verdict: Input[Artifact]):
    """Make the served bundle of a registered version, in S3 where a cluster serves; then it is the challenger.

    Args:
        key: The model's key.
        version: The semantic version.
        model: The saved model.
        report: The metrics on held-out rows.
        verdict: What the gate said.
    """
    import json
    from pathlib import Path

    from nivesh import models
    from nivesh.registry import bundle, model_card, model_registry, storage, tracking
    from nivesh.registry.gate import Verdict
    from nivesh.settings import settings

    with tracking.step(key, "package"):
        definition = models.get(key)
        metrics = json.loads((Path(report.path) / "metrics.json").read_text())
        facts = tracking.read_metadata(model.metadata)
        decision = json.loads(Path(verdict.path).read_text())
        manifest = bundle.Manifest(
            key=key,
            version=version,
            created=model_registry.creation_time(key, version),
            metrics=metrics,
            missed=decision["missed"],
            request=definition.Request.model_json_schema(),
            provenance=facts,
        )
        folder = bundle.pack(Path(model.path), manifest, settings().bundles)
        published = storage.publish(folder) if settings().serving_namespace else ""
        card = model_card.card(definition.spec, version, metrics, Verdict(**decision), facts)
        model_card.save(key, version, card)
        model_registry.mark_packaged(key, version, published)
        print(f"bundle {published or folder}")
