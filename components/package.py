from kfp.dsl import Artifact, Input, Model

from components.image import component


@component
def package(key: str, version: str, model: Input[Model], report: Input[Artifact], verdict: Input[Artifact]):
    """Make the served bundle of a registered version: its files, a manifest with their sha256, its model card.

    Args:
        key: The model's key.
        version: The semantic version.
        model: The saved model.
        report: The metrics on held-out rows.
        verdict: What the gate said.
    """
    import json
    from datetime import UTC, datetime
    from pathlib import Path

    from nivesh import bundle, cards, models, registry
    from nivesh.gate import Verdict
    from nivesh.settings import settings

    module = models.get(key)
    metrics = json.loads((Path(report.path) / "metrics.json").read_text())
    decision = json.loads(Path(verdict.path).read_text())
    manifest = bundle.Manifest(
        key=key,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics=metrics,
        missed=decision["missed"],
        request=module.Request.model_json_schema(),
        provenance=dict(model.metadata),
    )
    folder = bundle.pack(Path(model.path), manifest, settings().bundles)
    card = cards.card(module.SPEC, version, metrics, Verdict(**decision), dict(model.metadata))
    registry.save_card(key, version, card)
    print(f"bundle {folder}")
