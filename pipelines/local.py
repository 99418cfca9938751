"""Run a compiled pipeline on this machine: the same YAML that a cluster runs, step by step in subprocesses."""

import contextlib
import io
import json
import os
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from kfp import components, local
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

import pipelines
from nivesh.errors import NiveshError
from nivesh.registry import tracking
from nivesh.settings import settings


@dataclass(frozen=True)
class Result:
    """The results of a local run: the gate's verdict, the version ("" if refused), and the run's folder."""

    key: str
    verdict: dict[str, Any]
    metrics: dict[str, Any]
    version: str
    seconds: float
    folder: Path
    notes: list[str]

    @property
    def report(self) -> Path:
        return next(self.folder.glob("*/evaluate/report"))


Progress = Callable[[str, float, str], None]  # the step, the finished fraction of it, what it is doing


class StepFailed(NiveshError):
    """A step of a pipeline failed; the message is the error that ended it."""


def run(
    key: str,
    arguments: dict[str, Any],
    progress: Progress = lambda step, fraction, text: None,
    run_id: str = "",
) -> Result:
    """Compile a model's pipeline, run that YAML with kfp.local and read its results.

    Args:
        key: the model's key.
        arguments: the pipeline's parameters: data_path, seed, params.
        progress: called when a step starts and when it reports progress.
        run_id: of the run in MLflow; one of its own where not given. A run that was killed and is repeated under its id
            continues there and registers its version once.

    Raises:
        StepFailed: a step failed; the full log is in the run's folder.
    """
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
    folder = settings().home.resolve() / "runs" / f"{key}-{stamp}"
    folder.mkdir(parents=True)
    compiled = pipelines.compile_to(key, folder / "pipeline.yaml")
    pipeline = components.load_component_from_file(str(compiled))
    _without_retries(pipeline.component_spec.implementation.graph)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder), raise_on_error=True)
    os.environ[tracking.RUN_ID] = run_id or folder.name  # inherited by the steps
    started = time.monotonic()
    with (folder / "log.txt").open("w", encoding="utf-8") as file:
        log = _LogParser(file, progress)
        try:
            with contextlib.redirect_stdout(log), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
                warnings.filterwarnings("ignore", message=".*custom or non-Python base image")
                pipeline(**arguments)
        except RuntimeError:
            raise StepFailed(f"{log.error or 'a step failed'} (log: {folder / 'log.txt'})") from None
    return _result(key, folder, time.monotonic() - started, log.notes)


def _without_retries(spec: PipelineSpec) -> None:
    """Retries are for outages of S3 and MLflow; on one machine they would only delay the error message."""
    for component in (spec.root, *spec.components.values()):
        for task in component.dag.tasks.values():
            task.ClearField("retry_policy")


def _result(key: str, folder: Path, seconds: float, notes: list[str]) -> Result:
    def read(pattern: str) -> Any:
        return json.loads(next(folder.glob(pattern)).read_text())

    registered = any(folder.glob("*/register/executor_output.json"))
    return Result(
        key=key,
        verdict=read("*/gate/verdict"),
        metrics=read("*/evaluate/report/metrics.json"),
        version=read("*/register/executor_output.json")["parameterValues"]["Output"] if registered else "",
        seconds=seconds,
        folder=folder,
        notes=notes,
    )


class _LogParser(io.TextIOBase):
    """A text stream that copies everything to a file, reports the progress in it, and keeps a step's last error."""

    STEP = re.compile(r"Executing task \S*'([\w-]+)'")
    NOTE = re.compile(r"note: (.+)")
    PROGRESS = re.compile(r"progress ([\d.]+) (.*)")
    ERROR = re.compile(r"([\w.]*(?:Error|Exception|errors\.\w+)): (.+)")

    def __init__(self, file: IO[str], progress: Progress):
        self.file, self.progress, self.step, self.error, self.partial_line = file, progress, "", "", ""
        self.notes: list[str] = []

    def write(self, text: str) -> int:
        self.file.write(text)
        self.file.flush()
        *lines, self.partial_line = (self.partial_line + text).split("\n")
        for line in map(str.strip, lines):
            if found := self.STEP.search(line):
                self.step = found[1]
                self.progress(self.step, 0.0, "")
            elif found := self.NOTE.fullmatch(line):
                self.notes.append(found[1])
            elif found := self.PROGRESS.fullmatch(line):
                self.progress(self.step, float(found[1]), found[2])
            elif found := self.ERROR.fullmatch(line):
                ours = found[1].startswith("nivesh.errors.")
                self.error = found[2] if ours else f"{self.step}: {line}"
        return len(text)
