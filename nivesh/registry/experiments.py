"""MLflow's experiments and runs: the client that the whole platform uses, and the guide's calls on a run of one's own."""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from nivesh.registry import local_database
from nivesh.settings import settings


def client() -> MlflowClient:
    """The MLflow client of the settings; with no server given, SQLite and files under NIVESH_HOME.

    Raises:
        SettingsError: NIVESH_HOME is no folder, or cannot be written.
    """
    current = settings()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # Alembic logs every migration
    if not current.tracking_uri:
        local_database.prepare(current.home.resolve())
    return MlflowClient(tracking_uri=current.mlflow_uri, registry_uri=current.mlflow_uri)


def create_experiment(name: str, tags: Mapping[str, str] | None = None) -> str:
    """The id of the experiment of this name; it is created where it does not exist.

    MLflow's fluent API (``mlflow.start_run`` and the like) uses the same tracking server from then on.
    """
    import mlflow

    from_environment = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(settings().mlflow_uri)
    if from_environment is None:  # set_tracking_uri also sets the variable, which our settings would read as the user's
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    if existing := find_experiment(name):
        return existing
    location = None if settings().tracking_uri else (settings().home.resolve() / "artifacts" / name).as_uri()
    with ignore_errors("RESOURCE_ALREADY_EXISTS"):  # another process was faster
        return client().create_experiment(name, artifact_location=location, tags=dict(tags or {}))
    return client().get_experiment_by_name(name).experiment_id


def find_experiment(name: str) -> str | None:
    """The id of the experiment of this name, or None."""
    existing = client().get_experiment_by_name(name)
    return existing.experiment_id if existing else None


def log_model_params(params: Mapping[str, Any]) -> None:
    """Log parameters to the active MLflow run."""
    import mlflow

    mlflow.log_params(dict(params))


def log_model_metrics(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Log numbers to the active MLflow run; nested ones get dotted names, everything that is no number is left out."""
    import mlflow

    mlflow.log_metrics(flatten(metrics), step=step)


def flatten(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested numbers as ``{"a.b.c": number}``, under names that MLflow accepts; texts and None are left out."""
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        name = "".join(c if c.isalnum() or c in "_-. /" else "_" for c in f"{prefix}{name}")
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = float(value)
    return flat


@contextlib.contextmanager
def ignore_errors(*codes: str) -> Iterator[None]:
    """Suppress MLflow's errors of these codes, such as RESOURCE_ALREADY_EXISTS, and no other."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise
