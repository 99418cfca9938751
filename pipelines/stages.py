"""The parts that every training pipeline shares: the way from a file to rows, and from a model to its release."""

from kfp import dsl

import components as do
from pipelines.step import step


def prepare(key: str, data_path: str, seed: int, features: bool = False) -> dsl.PipelineTask:
    """File -> checked rows (-> features) -> rows to learn from and held-out rows: the task with these two outputs."""
    raw = step(do.ingest(key=key, data_path=data_path), key, cached=False)
    rows = step(do.validate(key=key, raw=raw.output), key)
    if features:
        rows = step(do.build_features(key=key, rows=rows.output), key)
    return step(do.split(key=key, rows=rows.output, seed=seed), key)


def train(key: str, parts: dsl.PipelineTask, params: dict) -> dsl.PipelineTask:
    """Rows to learn from -> model."""
    task = do.train(key=key, rows=parts.outputs["learn"], params=params)
    return step(task, key, heavy=True)


def loop(key: str):
    """The fits of all segments, as a graph of its own: a step can wait for the end of a graph, but not of a loop."""

    @dsl.pipeline(name="segments")
    def segments(lanes: list, shared: dsl.Input[dsl.Model]):
        with dsl.ParallelFor(lanes) as names:
            task = do.fit_segments(key=key, names=names, shared=shared)
            step(task, key, heavy=True, cached=False)

    return segments


def train_by_segment(key: str, segments, parts: dsl.PipelineTask, params: dict, parallel: int) -> dsl.PipelineTask:
    """Rows to learn from -> what all users share -> ``loop``'s segments, some at a time -> model."""
    learn = do.learn(key=key, rows=parts.outputs["learn"], params=params, parallel=parallel)
    # What the segments give lies in this run's part of MLflow, so nothing of it may come from another run.
    step(learn, key, heavy=True, cached=False)
    shared = learn.outputs["shared"]
    fitted = segments(lanes=learn.outputs["Output"], shared=shared)
    return step(do.join(key=key, shared=shared), key, cached=False).after(fitted)


def release(key: str, model: dsl.PipelineTask, parts: dsl.PipelineTask, canary: int) -> None:
    """Model -> measured -> gate; only if it passes: registered, packaged and deployed."""
    trained = model.outputs["model"]
    measured = do.evaluate(key=key, model=trained, learn=parts.outputs["learn"], held_out=parts.outputs["held_out"])
    # The champion may be another one next time.
    report = step(measured, key, heavy=True, cached=False).outputs["report"]
    gate = step(do.gate(key=key, model=trained, report=report), key, cached=False)
    verdict = gate.outputs["verdict"]
    with dsl.If(gate.outputs["Output"] == True, name="gate-passed"):  # noqa: E712  KFP builds its condition of ==
        register = do.register(key=key, model=trained, verdict=verdict)
        version = step(register, key, cached=False).output
        package = do.package(key=key, version=version, model=trained, report=report, verdict=verdict)
        bundle = step(package, key, cached=False)
        deploy = do.deploy(key=key, version=version, canary=canary)
        step(deploy, key, cached=False).after(bundle)
