"""A training in MLflow: one parent run for each run of a pipeline, and nested under it a run for each step.

The parent carries the id of the pipeline's run, so that a step that is retried in another pod continues the same MLflow
runs. Kubeflow names a parent of its own by MLFLOW_RUN_ID; then that one is used. The id comes from the environment and
not as a parameter, since KFP before 2.4 cannot pass it as one.
"""

import contextlib
import getpass
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME, MLFLOW_USER

from nivesh.errors import SettingsError
from nivesh.registry.experiments import client, create_experiment, find_experiment, flatten
from nivesh.registry.model_registry import RUN_TAG
from nivesh.settings import PROJECT

RUN_ID = "KFP_RUN_ID"  # environment variable: the id of the pipeline's run
MAX_METRICS_PER_REQUEST = 1000  # MLflow's limit for log_batch
STEP, LAST_ERROR = "step", "last_error"
RUNNING, FINISHED, FAILED = map(RunStatus.to_string, (RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FAILED))


def pipeline_run_id() -> str:
    """The id of the pipeline's run that this step belongs to.

    Raises:
        SettingsError: the environment has none.
    """
    if not (run_id := os.environ.get(RUN_ID)):
        raise SettingsError(f"{RUN_ID} is not set; KFP before 2.2 needs manifests/training/kubeflow-2.0 for it")
    return run_id


def parent_run(key: str) -> str:
    """The id of the MLflow run of a pipeline's run; created where there is none yet."""
    if from_kubeflow := os.environ.get("MLFLOW_RUN_ID"):
        client().set_tag(from_kubeflow, RUN_TAG, pipeline_run_id())
        return from_kubeflow
    existing = find_step(key, "pipeline")
    if existing:
        return existing.info.run_id
    tags = {
        RUN_TAG: pipeline_run_id(),
        STEP: "pipeline",
        MLFLOW_USER: _user(),
        MLFLOW_SOURCE_NAME: f"nivesh train {key}",
        MLFLOW_GIT_COMMIT: code_version(),
    }
    return client().create_run(create_experiment(key), tags=tags, run_name=run_name(key, pipeline_run_id())).info.run_id


def run_name(key: str, pipeline_run: str) -> str:
    """A training's name in MLflow, of which each has its own: train-credit-risk-20250101-093000-000, train-credit-risk-3f2a9c11."""
    own = pipeline_run.removeprefix(f"{key}-")
    short = own if own != pipeline_run else pipeline_run[:8]  # as ``nivesh runs`` and ``logs`` name a run of Kubeflow
    return f"train-{key.replace('_', '-')}-{short}"


@contextlib.contextmanager
def step(key: str, name: str) -> Iterator[str]:
    """Do a step's work within its nested run; yields that run's id. An error is written to it and to the parent."""
    mlflow_client, parent_id = client(), parent_run(key)
    tags = {MLFLOW_PARENT_RUN_ID: parent_id, RUN_TAG: pipeline_run_id(), STEP: name}
    existing = find_step(key, name)
    run_id = (existing or mlflow_client.create_run(create_experiment(key), tags=tags, run_name=name)).info.run_id
    for one in (parent_id, run_id):
        mlflow_client.update_run(one, status=RUNNING)
    try:
        yield run_id
    except BaseException as error:
        with contextlib.suppress(MlflowException):  # MLflow itself may be the part that fails
            for one in (run_id, parent_id):
                mlflow_client.set_tag(one, LAST_ERROR, f"{name}: {type(error).__name__}: {error}"[:1000])
                mlflow_client.set_terminated(one, FAILED)
        raise
    mlflow_client.set_terminated(run_id, FINISHED)


def find_step(key: str, name: str) -> Run | None:
    """The MLflow run of a step of this run, or None where it has not started. Creates nothing."""
    experiment = find_experiment(key)
    if experiment is None:
        return None
    query = f"tags.{RUN_TAG} = '{pipeline_run_id()}' and tags.{STEP} = '{name}'"
    return next(iter(client().search_runs([experiment], query, max_results=1)), None)


def log_training(
    run_id: str,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    tags: Mapping[str, str],
    files: Mapping[str, Path],
) -> None:
    """Log the results of a training: parameters, metrics, tags, and folders or files by artifact path."""
    mlflow_client, now = client(), int(time.time() * 1000)
    numbers = [Metric(name, value, now, 0) for name, value in flatten(metrics).items()]
    for first in range(0, len(numbers), MAX_METRICS_PER_REQUEST):
        mlflow_client.log_batch(run_id, numbers[first : first + MAX_METRICS_PER_REQUEST])
    mlflow_client.log_batch(
        run_id,
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    for artifact_path, path in files.items():
        if path.is_dir():
            mlflow_client.log_artifacts(run_id, str(path), artifact_path)
        else:
            mlflow_client.log_artifact(run_id, str(path), artifact_path)


def training_metadata(key: str, params: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """What is known of a training beside its data, as metadata of the model artifact; ``read_metadata`` reads it."""
    return {
        "params": json.dumps(dict(params), sort_keys=True),
        "seconds": round(seconds, 1),
        "git_commit": code_version(),
        "training_source": f"nivesh.models.{key}",
    }


def read_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A model artifact's metadata as they were written: Kubeflow turns numbers into floats and nested values into text."""
    values = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in metadata.items()
    }
    return values | {"params": json.loads(metadata["params"])}


def code_version() -> str:
    """The git commit of the running code: NIVESH_COMMIT in an image, git's answer in a checkout."""
    if commit := os.environ.get("NIVESH_COMMIT"):
        return commit
    answer = subprocess.run(["git", "-C", PROJECT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _user() -> str:
    """The user's name; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def report_progress(fraction: float, text: str) -> None:
    """Print a step's progress as the line of its log that ``pipelines.local`` parses."""
    print(f"progress {fraction:.3f} {text}", flush=True)


def finish(key: str) -> None:
    """Mark the pipeline's run as finished."""
    client().set_terminated(parent_run(key), FINISHED)
