"""The parts that every training pipeline shares: the way from a file to rows, and from a model to its release."""

from kfp import dsl

import components as do
from pipelines.step import RUN, step


def prepare(key: str, data_path: str, seed: int, features: bool = False) -> dsl.PipelineTask:
    """File -> checked rows (-> features) -> rows to learn from and held-out rows: the task with these two outputs."""
    raw = step(do.ingest(key=key, data_path=data_path), key, "Ingest", cached=False)
    rows = step(do.validate(key=key, raw=raw.output), key, "Validate")
    if features:
        rows = step(do.build_features(key=key, rows=rows.output), key, "Build features")
    return step(do.split(key=key, rows=rows.output, seed=seed), key, "Split")


def train(key: str, parts: dsl.PipelineTask, params: dict) -> dsl.PipelineTask:
    """Rows to learn from -> model."""
    task = do.train(key=key, run=RUN, learn=parts.outputs["learn"], params=params)
    return step(task, key, "Train", heavy=True)


def release(key: str, model: dsl.PipelineTask, parts: dsl.PipelineTask, canary: int) -> None:
    """Model -> measured -> gate; only if it passes: registered, packaged and deployed."""
    trained = model.outputs["model"]
    measured = do.evaluate(
        key=key, run=RUN, model=trained, learn=parts.outputs["learn"], held_out=parts.outputs["held_out"]
    )
    # The champion may be another one next time.
    report = step(measured, key, "Evaluate", heavy=True, cached=False).outputs["report"]
    gate = step(do.gate(key=key, run=RUN, model=trained, report=report), key, "Gate", cached=False)
    verdict = gate.outputs["verdict"]
    with dsl.If(gate.outputs["Output"] == True, name="gate-passed"):  # noqa: E712  KFP builds its condition of ==
        register = do.register(key=key, run=RUN, model=trained, verdict=verdict)
        version = step(register, key, "Register", cached=False).output
        package = do.package(key=key, run=RUN, version=version, model=trained, report=report, verdict=verdict)
        bundle = step(package, key, "Package", cached=False)
        deploy = do.deploy(key=key, run=RUN, version=version, canary=canary)
        step(deploy, key, "Deploy", cached=False).after(bundle)
