"""The parts that every training pipeline shares: the way from a file to rows, and from a model to its release."""

from kfp import dsl

import components as do


def prepare(key: str, data_path: str, features: bool = False) -> dsl.PipelineTask:
    """File -> checked rows (-> features); the task's one output is a Dataset."""
    raw = do.ingest(key=key, data_path=data_path).set_display_name("Ingest").set_caching_options(False)
    rows = do.validate(key=key, raw=raw.output).set_display_name("Validate")
    if features:
        rows = do.build_features(key=key, rows=rows.output).set_display_name("Build features")
    return rows


def release(key: str, model: dsl.PipelineTask, parts: dsl.PipelineTask) -> None:
    """Model -> measured -> gate; only if it passes: registered, packaged and made champion."""
    trained = model.outputs["model"]
    measured = (
        do.evaluate(key=key, model=trained, learn=parts.outputs["learn"], held_out=parts.outputs["held_out"])
        .set_display_name("Evaluate")
        .set_caching_options(False)
    )  # the champion may be another one next time
    report = measured.outputs["report"]
    gate = do.gate(key=key, model=trained, report=report).set_display_name("Gate").set_caching_options(False)
    verdict = gate.outputs["verdict"]
    with dsl.If(gate.outputs["Output"] == True, name="gate-passed"):  # noqa: E712  KFP builds its condition of ==
        version = (
            do.register(key=key, model=trained, verdict=verdict).set_display_name("Register").set_caching_options(False)
        )
        bundle = (
            do.package(key=key, version=version.output, model=trained, report=report, verdict=verdict)
            .set_display_name("Package")
            .set_caching_options(False)
        )
        promote = do.promote(key=key, version=version.output).set_display_name("Promote").set_caching_options(False)
        promote.after(bundle)
