"""MLflow as the platform uses it: experiments, runs, versions, stages.

MLflow retired stages, so the guide's words are kept as a tag and stored as aliases: Production is the alias
``champion`` (what is served), Staging is ``challenger``. A champion that misses a target keeps the word Staging:
it is served, and everybody sees that it is below target.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from nivesh.errors import GateRefused, ModelNotFound, SettingsError
from nivesh.registry import storage
from nivesh.settings import settings

RUN = "kfp_run_id"  # tag of MLflow's runs and of versions: the pipeline run that made them
MEASURED_AGAINST = "measured_against"  # tag of a version: the champion that the gate compared it with, "" for none
CHAMPION, CHALLENGER = "champion", "challenger"
STAGES = {"Staging": CHALLENGER, "Production": CHAMPION, "Archived": None, "None": None}


def client() -> MlflowClient:
    """The MLflow client of the settings; with no server given, SQLite and files under NIVESH_HOME."""
    current = settings()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every table that it makes
    if not current.tracking_uri:
        current.home.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=current.mlflow_uri, registry_uri=current.mlflow_uri)


# --- the guide's calls ---------------------------------------------------------------------------------------------


def create_experiment(name: str, tags: Mapping[str, str] | None = None) -> str:
    """The id of the experiment of this name, made if it is not there, and made MLflow's default tracking place."""
    import mlflow  # the fluent API that the guide's own code goes on with

    given = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(settings().mlflow_uri)
    if given is None:  # MLflow sets it itself, and our settings would read it as somebody's wish
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    existing = client().get_experiment_by_name(name)
    if existing:
        return existing.experiment_id
    place = None if settings().tracking_uri else (settings().home.resolve() / "artifacts" / name).as_uri()
    return client().create_experiment(name, artifact_location=place, tags=dict(tags or {}))


def log_model_params(params: Mapping[str, Any]) -> None:
    """Log parameters to the active MLflow run."""
    import mlflow

    mlflow.log_params(dict(params))


def log_model_metrics(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Log numbers to the active MLflow run; nested ones get dotted names, what is no number is left out."""
    import mlflow

    mlflow.log_metrics(flatten(metrics), step=step)


def register_model(
    model_name: str,
    model_uri: str,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    taken: Sequence[str] = (),
) -> ModelVersion:
    """Register the files at ``runs:/<run id>/<path>`` as the next version of a model, with a semantic version tag.

    Args:
        taken: semantic versions that are in use outside this registry.
    """
    mlflow_client = client()
    with _meant("RESOURCE_ALREADY_EXISTS"):
        mlflow_client.create_registered_model(model_name)
    run_id = model_uri.removeprefix("runs:/").split("/")[0] if model_uri.startswith("runs:/") else None
    existing = [version.tags.get("version", "") for version in versions(model_name)]
    tags = {"version": next_version([*existing, *taken])} | dict(tags or {})
    source = model_uri
    if run_id:
        root = mlflow_client.get_run(run_id).info.artifact_uri
        source = f"{root}/{model_uri.removeprefix(f'runs:/{run_id}').lstrip('/')}"
    return _numbered(mlflow_client.create_model_version(model_name, source, run_id, tags=tags, description=description))


def transition_model_stage(
    model_name: str, version: str | int, stage: str, archive_existing: bool = True, reason: str = ""
) -> ModelVersion:
    """Move a version (semantic, or MLflow's number) to Staging, Production or Archived.

    Args:
        archive_existing: the version that leaves the stage becomes Archived.
        reason: why a version below target may be called Production; recorded as a tag.

    Raises:
        GateRefused: Production was asked for a version below target without a reason.
        ModelNotFound, SettingsError: no such version, no such stage.
    """
    stage = stage.capitalize()
    if stage not in STAGES:
        raise SettingsError(f"stage {stage!r} is unknown; use one of {', '.join(STAGES)}")
    chosen = find(model_name, version)
    missed = chosen.tags.get("targets_missed", "")
    if stage == "Production" and missed and not reason:
        raise GateRefused(f"{model_name} {label(chosen)} is below target ({missed}); Production needs a reason")
    if reason:
        _tag(chosen, "override_reason", reason)
    _set_stage(chosen, stage, STAGES[stage], archive_existing)
    return find(model_name, chosen.version)


def get_latest_version(model_name: str, stage: str | None = None) -> str | None:
    """The semantic version in a stage, or of the newest version; None where there is none."""
    found = [
        one for one in versions(model_name) if stage is None or one.tags.get("stage", "None") == stage.capitalize()
    ]
    return label(found[-1]) if found else None


# --- the pipelines' and the command line's calls ---------------------------------------------------------------------


def versions(key: str) -> list[ModelVersion]:
    """All versions of a model, oldest first."""
    found = client().search_model_versions(f"name='{key}'")
    return sorted(found, key=lambda version: int(version.version))


def registered_by(key: str, run: str) -> ModelVersion | None:
    """The version that a pipeline run has registered, or None."""
    found = next((one for one in versions(key) if one.tags.get(RUN) == run), None)
    return found and _numbered(found)  # the step may have died before it did that


def find(key: str, version: str | int) -> ModelVersion:
    """A version by its semantic version, its MLflow number or an alias.

    Raises:
        ModelNotFound: there is none; the message lists those that exist.
    """
    version = str(version)
    if version in (CHAMPION, CHALLENGER):
        found = by_alias(key, version)
        if found:
            return found
    known = versions(key)
    for one in known:
        if version.removeprefix("v") in (one.tags.get("version"), str(one.version)):
            return client().get_model_version(key, one.version)  # the search leaves the aliases out
    listed = ", ".join(label(one) for one in known) or "none; train it first"
    raise ModelNotFound(f"{key} has no version {version!r}; it has {listed}")


def by_alias(key: str, alias: str) -> ModelVersion | None:
    """The version with an alias, or None. An MLflow that is away is an error: it would make every model the first one."""
    with _meant("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such model, no such alias
        return client().get_model_version_by_alias(key, alias)
    return None


def serve(key: str, version: str) -> ModelVersion:
    """Make a version the champion. Its stage is Production only where it meets its targets."""
    chosen = find(key, version)
    override = chosen.tags.get("override_reason")
    below = chosen.tags.get("targets_missed") and not override
    _set_stage(chosen, "Staging" if below else "Production", CHAMPION, archive_existing=True)
    return find(key, chosen.version)


def rollback(key: str, reason: str) -> ModelVersion:
    """Make the champion's predecessor the champion again, and record why.

    Raises:
        ModelNotFound: there is no champion or none before it.
    """
    current = by_alias(key, CHAMPION)
    if current is None:
        raise ModelNotFound(f"{key} has no champion to roll back")
    previous = current.tags.get("previous_champion")
    if not previous:
        raise ModelNotFound(f"{key} {label(current)} is the first champion; there is none to go back to")
    _tag(current, "rolled_back", reason)
    before_that = find(key, previous).tags.get("previous_champion")
    restored = serve(key, previous)
    if before_that:  # so that a second rollback goes one further back, not forward to the bad version
        _tag(restored, "previous_champion", before_that)
    else:
        client().delete_model_version_tag(key, restored.version, "previous_champion")
    return find(key, restored.version)


def bundle_of(version: ModelVersion) -> Path:
    """The folder of a version's served bundle; one that was published and is not here yet is fetched."""
    folder = settings().bundles / version.name / label(version)
    if not folder.exists() and (published := version.tags.get("bundle")):
        return storage.fetch(published)
    return folder


def created(key: str, version: str) -> str:
    """When a version was registered, ISO time: the same however often its bundle is made."""
    return datetime.fromtimestamp(find(key, version).creation_timestamp / 1000, UTC).isoformat(timespec="seconds")


def packaged(key: str, version: str, published: str) -> None:
    """From now on a version is whole, and may be served: it is the challenger. ``published`` is its bundle in S3, or ""."""
    chosen = find(key, version)
    if published:
        _tag(chosen, "bundle", published)
    served = (by_alias(key, CHAMPION), by_alias(key, CHALLENGER))
    newer = any(int(one.version) > int(chosen.version) for one in served if one)
    # A step that is done once more must not take the champion down, nor what a later training has brought meanwhile.
    if CHAMPION not in chosen.aliases and not newer:
        _set_stage(chosen, "Staging", CHALLENGER, archive_existing=True)


def champion_bundle(key: str) -> Path:
    """The bundle of the model that is served.

    Raises:
        ModelNotFound: nothing was trained yet.
    """
    champion = by_alias(key, CHAMPION)
    if champion is None:
        raise ModelNotFound(f"{key} has no champion yet; train it: nivesh train {key}")
    return bundle_of(champion)


def label(version: ModelVersion) -> str:
    """The semantic version, or MLflow's number of a version that was registered elsewhere."""
    return version.tags.get("version", str(version.version))


def next_version(existing: list[str]) -> str:
    """The semantic version after those that exist: a retrained model is a new minor version."""
    numbers = [tuple(map(int, one.split("."))) for one in existing if one.count(".") == 2]
    if not numbers:
        return "1.0.0"
    major, minor, _ = max(numbers)
    return f"{major}.{minor + 1}.0"


def flatten(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested numbers as ``a.b.c`` -> number, in names that MLflow takes; texts and None are left out."""
    flat = {}
    for name, value in metrics.items():
        name = "".join(c if c.isalnum() or c in "_-. /" else "_" for c in f"{prefix}{name}")
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = float(value)
    return flat


@contextlib.contextmanager
def _meant(*codes: str) -> Iterator[None]:
    """MLflow may say no in these ways, and in no other."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise


def _numbered(made: ModelVersion) -> ModelVersion:
    """Give a version one of its own: of trainings at one moment that chose the same, the first keeps it, others count on."""
    taken: list[str] = []
    for one in versions(made.name):
        mine = label(one) if label(one) not in taken else next_version(taken)
        taken.append(mine)
        if one.version == made.version and mine != label(one):
            _tag(one, "version", mine)
    return client().get_model_version(made.name, made.version)


def _tag(version: ModelVersion, name: str, value: str) -> None:
    client().set_model_version_tag(version.name, version.version, name, value)


def _set_stage(version: ModelVersion, stage: str, alias: str | None, archive_existing: bool) -> None:
    mlflow_client = client()
    if alias:
        before = by_alias(version.name, alias)
        if before and before.version != version.version:
            if alias == CHAMPION:
                _tag(version, "previous_champion", label(before))
            if archive_existing:
                _tag(before, "stage", "Archived")
        mlflow_client.set_registered_model_alias(version.name, alias, version.version)
    else:
        for held in find(version.name, version.version).aliases:
            mlflow_client.delete_registered_model_alias(version.name, held)
    if alias == CHAMPION and CHALLENGER in find(version.name, version.version).aliases:
        mlflow_client.delete_registered_model_alias(version.name, CHALLENGER)
    _tag(version, "stage", stage)
