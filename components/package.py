from kfp.dsl import Artifact, Input, Model

from components.image import component


@component
def package(key: str, version: str, model: Input[Model], report: Input[Artifact], verdict: Input[Artifact]):
    """Pack the bundle of a registered version and store it with it in MLflow, on a cluster in S3 too: the challenger.

    Args:
        key: The model's key.
        version: The semantic version.
        model: The saved model.
        report: The metrics on held-out rows, and the reference rows of drift detection.
        verdict: The gate's decision; its metadata name the MLflow run.
    """
    import json
    import shutil
    import tempfile
    from pathlib import Path

    from nivesh import models
    from nivesh.registry import (
        bundle,
        bundle_cache,
        experiments,
        model_card,
        model_registry,
        pyfunc,
        reference_rows,
        storage,
        tracking,
    )
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
            labels=json.loads(model.metadata.get("labels", "[]")),
        )
        with tempfile.TemporaryDirectory() as work:
            saved = Path(shutil.copytree(model.path, Path(work) / "saved"))
            shutil.copy(Path(report.path) / reference_rows.FILE, saved)
            packed = bundle.pack(saved, manifest, Path(work))
            pyfunc.save(packed, Path(work) / "mlflow")
            run_id = verdict.metadata["run_id"]
            experiments.client().log_artifacts(run_id, str(Path(work) / "mlflow"), bundle_cache.ARTIFACT)
            folder = bundle_cache.install(packed)
        published = storage.publish(folder) if settings().serving_namespace else ""
        card = model_card.card(definition.spec, version, metrics, Verdict(**decision), facts)
        model_card.save(key, version, card)
        model_registry.mark_packaged(key, version, published, bundle_cache.digest(folder))
        print(f"bundle {published or folder}")
