"""Registered versions and their stages.

MLflow retired stages, so the guide's stages are kept as a tag and stored as aliases: Production is the alias ``champion``
(what is served), Staging is ``challenger``. A champion that misses a target stays in Staging: it is served, and visibly
below target.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mlflow.entities.model_registry import ModelVersion

from nivesh.errors import GateRefused, ModelNotFound, SettingsError
from nivesh.registry.experiments import client, ignore_errors

RUN_TAG = "kfp_run_id"  # tag of MLflow's runs and of versions: the pipeline run that made them
MEASURED_AGAINST = "measured_against"  # tag of a version: the champion that the gate compared it with, "" for none
BUNDLE = "bundle"  # tag of a version: the address of its published bundle
CHAMPION, CHALLENGER = "champion", "challenger"
STAGES = {"Staging": CHALLENGER, "Production": CHAMPION, "Archived": None, "None": None}


def register_model(
    model_name: str,
    model_uri: str,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    reserved: Sequence[str] = (),
) -> ModelVersion:
    """Register the files at ``runs:/<run id>/<path>`` as the next version of a model, with a semantic version tag.

    Args:
        reserved: semantic versions that are in use outside this registry.
    """
    mlflow_client = client()
    with ignore_errors("RESOURCE_ALREADY_EXISTS"):
        mlflow_client.create_registered_model(model_name)
    run_id = model_uri.removeprefix("runs:/").split("/")[0] if model_uri.startswith("runs:/") else None
    existing = [version.tags.get("version", "") for version in versions(model_name)]
    tags = {"version": next_version([*existing, *reserved])} | dict(tags or {})
    source = model_uri
    if run_id:
        root = mlflow_client.get_run(run_id).info.artifact_uri
        source = f"{root}/{model_uri.removeprefix(f'runs:/{run_id}').lstrip('/')}"
    return _ensure_unique_version(
        mlflow_client.create_model_version(model_name, source, run_id, tags=tags, description=description)
    )


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
        raise GateRefused(
            f"{model_name} {semantic_version(chosen)} is below target ({missed}); Production needs a reason"
        )
    if reason:
        _tag(chosen, "override_reason", reason)
    _set_stage(chosen, stage, STAGES[stage], archive_existing)
    return find(model_name, chosen.version)


def get_latest_version(model_name: str, stage: str | None = None) -> str | None:
    """The semantic version in a stage, or of the newest version; None where there is none."""
    found = [
        one for one in versions(model_name) if stage is None or one.tags.get("stage", "None") == stage.capitalize()
    ]
    return semantic_version(found[-1]) if found else None


def versions(key: str) -> list[ModelVersion]:
    """All versions of a model, oldest first."""
    found = client().search_model_versions(f"name='{key}'")
    return sorted(found, key=lambda version: int(version.version))


def registered_by(key: str, run: str) -> ModelVersion | None:
    """The version that a pipeline run has registered, or None."""
    found = next((one for one in versions(key) if one.tags.get(RUN_TAG) == run), None)
    return found and _ensure_unique_version(found)  # the step may have died before it did that


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
    listed = ", ".join(semantic_version(one) for one in known) or "none; train it first"
    raise ModelNotFound(f"{key} has no version {version!r}; it has {listed}")


def by_alias(key: str, alias: str) -> ModelVersion | None:
    """The version with an alias, or None. An MLflow that is away is an error: it would make every model the first one."""
    with ignore_errors("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such model, no such alias
        return client().get_model_version_by_alias(key, alias)
    return None


def set_champion(key: str, version: str) -> ModelVersion:
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
        raise ModelNotFound(f"{key} {semantic_version(current)} is the first champion; there is none to go back to")
    _tag(current, "rolled_back", reason)
    before_that = find(key, previous).tags.get("previous_champion")
    restored = set_champion(key, previous)
    if before_that:  # so that a second rollback goes one further back, not forward to the bad version
        _tag(restored, "previous_champion", before_that)
    else:
        client().delete_model_version_tag(key, restored.version, "previous_champion")
    return find(key, restored.version)


def creation_time(key: str, version: str) -> str:
    """When a version was registered, ISO time: the same however often its bundle is made."""
    return datetime.fromtimestamp(find(key, version).creation_timestamp / 1000, UTC).isoformat(timespec="seconds")


def mark_packaged(key: str, version: str, published: str) -> None:
    """From now on a version is whole, and may be served: it is the challenger. ``published`` is its bundle in S3, or ""."""
    chosen = find(key, version)
    if published:
        _tag(chosen, BUNDLE, published)
    served = (by_alias(key, CHAMPION), by_alias(key, CHALLENGER))
    newer = any(int(one.version) > int(chosen.version) for one in served if one)
    # A step that is done once more must not take the champion down, nor what a later training has brought meanwhile.
    if CHAMPION not in chosen.aliases and not newer:
        _set_stage(chosen, "Staging", CHALLENGER, archive_existing=True)


def semantic_version(version: ModelVersion) -> str:
    """The semantic version, or MLflow's number of a version that was registered elsewhere."""
    return version.tags.get("version", str(version.version))


def next_version(existing: list[str]) -> str:
    """The semantic version after those that exist: a retrained model is a new minor version."""
    numbers = [tuple(map(int, one.split("."))) for one in existing if one.count(".") == 2]
    if not numbers:
        return "1.0.0"
    major, minor, _ = max(numbers)
    return f"{major}.{minor + 1}.0"


def _ensure_unique_version(made: ModelVersion) -> ModelVersion:
    """Give a version one of its own: of trainings at one moment that chose the same, the first keeps it, others count on."""
    taken: list[str] = []
    for one in versions(made.name):
        mine = semantic_version(one) if semantic_version(one) not in taken else next_version(taken)
        taken.append(mine)
        if one.version == made.version and mine != semantic_version(one):
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
                _tag(version, "previous_champion", semantic_version(before))
            if archive_existing:
                _tag(before, "stage", "Archived")
        mlflow_client.set_registered_model_alias(version.name, alias, version.version)
    else:
        for held in find(version.name, version.version).aliases:
            mlflow_client.delete_registered_model_alias(version.name, held)
    if alias == CHAMPION and CHALLENGER in find(version.name, version.version).aliases:
        mlflow_client.delete_registered_model_alias(version.name, CHALLENGER)
    _tag(version, "stage", stage)
