"""A training in MLflow: one parent run for each run of a pipeline, and nested under it a run for each step.

The parent carries the id of the pipeline's run, so a step that is tried again, in another pod, goes on in the same runs.
Kubeflow names a parent of its own by MLFLOW_RUN_ID; then that one is taken. The id comes from the environment and not as
a parameter, since KFP before 2.4 puts none into a parameter.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from nivesh.errors import SettingsError
from nivesh.registry.model_registry import RUN, client, create_experiment, flatten
from nivesh.settings import PROJECT

RUN_ID = "KFP_RUN_ID"  # in the environment: the id of the pipeline's run
MOST_METRICS = 1000  # that MLflow takes in one request
STEP, LAST_ERROR = "step", "last_error"
RUNNING, FINISHED, FAILED = map(RunStatus.to_string, (RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FAILED))


def run_id() -> str:
    """The id of the pipeline's run that this step belongs to.

    Raises:
        SettingsError: the environment has none.
    """
    if not (found := os.environ.get(RUN_ID)):
        raise SettingsError(f"{RUN_ID} is not set; KFP before 2.2 needs manifests/training/kubeflow-2.0 for it")
    return found


def parent(key: str) -> str:
    """The id of the MLflow run of a pipeline's run; made where there is none yet."""
    if given := os.environ.get("MLFLOW_RUN_ID"):
        client().set_tag(given, RUN, run_id())
        return given
    found = find_step(key, "pipeline")
    tags = {RUN: run_id(), STEP: "pipeline"}
    made = found or client().create_run(create_experiment(key), tags=tags, run_name=f"train-{key.replace('_', '-')}")
    return made.info.run_id


@contextlib.contextmanager
def step(key: str, name: str) -> Iterator[str]:
    """Do a step's work within its nested run; gives that run's id. An error is written to it and to the parent."""
    mlflow_client, above = client(), parent(key)
    tags = {MLFLOW_PARENT_RUN_ID: above, RUN: run_id(), STEP: name}
    found = find_step(key, name)
    mine = (found or mlflow_client.create_run(create_experiment(key), tags=tags, run_name=name)).info.run_id
    for one in (above, mine):
        mlflow_client.update_run(one, status=RUNNING)
    try:
        yield mine
    except BaseException as error:
        with contextlib.suppress(MlflowException):  # it may be MLflow that is away
            for one in (mine, above):
                mlflow_client.set_tag(one, LAST_ERROR, f"{name}: {type(error).__name__}: {error}"[:1000])
                mlflow_client.set_terminated(one, FAILED)
        raise
    mlflow_client.set_terminated(mine, FINISHED)


def find_step(key: str, name: str) -> Run | None:
    """The MLflow run of a step of this run, or None where it has not begun."""
    query = f"tags.{RUN} = '{run_id()}' and tags.{STEP} = '{name}'"
    return next(iter(client().search_runs([create_experiment(key)], query, max_results=1)), None)


def record(
    run_id: str,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    tags: Mapping[str, str],
    files: Mapping[str, Path],
) -> None:
    """Write what a training gave: parameters, numbers, tags, and folders or files by artifact path."""
    mlflow_client, now = client(), int(time.time() * 1000)
    numbers = [Metric(name, value, now, 0) for name, value in flatten(metrics).items()]
    for first in range(0, len(numbers), MOST_METRICS):
        mlflow_client.log_batch(run_id, numbers[first : first + MOST_METRICS])
    mlflow_client.log_batch(
        run_id,
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    for place, path in files.items():
        if path.is_dir():
            mlflow_client.log_artifacts(run_id, str(path), place)
        else:
            mlflow_client.log_artifact(run_id, str(path), place)


def facts(key: str, params: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """What is known of a training beside its data, as metadata of the model; ``known`` reads it."""
    return {
        "params": json.dumps(dict(params), sort_keys=True),
        "seconds": round(seconds, 1),
        "git_commit": code_version(),
        "training_source": f"nivesh.models.{key}",
    }


def code_version() -> str:
    """The git commit of the code that runs: NIVESH_COMMIT in an image, git's answer in a checkout."""
    if commit := os.environ.get("NIVESH_COMMIT"):
        return commit
    answer = subprocess.run(["git", "-C", PROJECT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A model's metadata as they were written: Kubeflow makes every number a float, and wraps what is nested."""
    facts = {name: int(one) if isinstance(one, float) and one.is_integer() else one for name, one in metadata.items()}
    return facts | {"params": json.loads(metadata["params"])}


def tell(fraction: float, text: str) -> None:
    """A step's progress, as the line of its log that ``pipelines.local`` reads."""
    print(f"progress {fraction:.3f} {text}", flush=True)


def finish(key: str) -> None:
    """The pipeline's run has done all that it had to do."""
    client().set_terminated(parent(key), FINISHED)
