"""Registered versions and their stages.

MLflow retired stages, so the guide's stages are kept as a tag and stored as aliases: Production is the alias ``champion``
(what is served), Staging is ``challenger``. A champion that misses a target stays in Staging: it is served, and visibly
below target.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from mlflow.entities.model_registry import ModelVersion

from nivesh.errors import GateRefused, ModelNotFound, SettingsError
from nivesh.registry.experiments import client, ignore_errors

RUN_TAG = "kfp_run_id"  # tag of MLflow's runs and of versions: the pipeline run that made them
MEASURED_AGAINST = "measured_against"  # tag of a version: the champion that the gate compared it with, "" for none
BUNDLE = "bundle"  # tag of a version: the address of its published bundle
BUNDLE_DIGEST = "bundle_sha256"  # tag of a version: sha256 of its bundle's manifest
CHAMPION, CHALLENGER = "champion", "challenger"
PREVIOUS_CHAMPION = "previous_champion"  # tag of a version: the champion that it replaced
ROLLED_BACK = "rolled_back"  # tag of a version: why it was rolled back
ROLLBACK = "rollback"  # tag of a registered model: a rollback that has begun, as JSON
SEMANTIC_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}")
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
    """Make a version the champion. Its stage is Production only where it meets its targets.

    Killed at any point and called again, it ends as if it had run once.
    """
    chosen = find(key, version)
    if ROLLED_BACK in chosen.tags:  # no longer: somebody wants it again
        client().delete_model_version_tag(key, chosen.version, ROLLED_BACK)
    _set_stage(chosen, _served_stage(chosen), CHAMPION, archive_existing=True)
    return find(key, chosen.version)


def rollback(key: str, reason: str) -> ModelVersion:
    """Make the champion's predecessor the champion again, and record why.

    Killed at any point and called again with the same reason, it ends as if it had run once: the registered model's tag
    ``rollback`` holds what has begun.

    Raises:
        ModelNotFound: there is no champion or none before it.
    """
    current = by_alias(key, CHAMPION)
    if current is None:
        raise ModelNotFound(f"{key} has no champion to roll back")
    begun = json.loads(client().get_registered_model(key).tags.get(ROLLBACK, "{}"))
    resumed = begun.get("reason") == reason and current.version in (begun["from"], begun["to"])
    if resumed:
        bad, target = find(key, begun["from"]), find(key, begun["to"])
    else:
        bad, target = current, _last_good_before(current)
        state = {"from": bad.version, "to": target.version, "reason": reason}
        client().set_registered_model_tag(key, ROLLBACK, json.dumps(state))
    _tag(bad, ROLLED_BACK, reason)
    # The bad version does not become the predecessor of the restored one, so a second rollback goes one further back.
    _set_stage(target, _served_stage(target), CHAMPION, archive_existing=True, keep_predecessor=True)
    client().delete_registered_model_tag(key, ROLLBACK)
    return find(key, target.version)


def _last_good_before(version: ModelVersion) -> ModelVersion:
    """The nearest earlier champion that was not rolled back.

    Raises:
        ModelNotFound: there is none.
    """
    earlier, visited = version, {version.version}
    while previous := earlier.tags.get(PREVIOUS_CHAMPION):
        earlier = find(version.name, previous)
        if earlier.version in visited:
            break
        visited.add(earlier.version)
        if ROLLED_BACK not in earlier.tags:
            return earlier
    raise ModelNotFound(
        f"{version.name} {semantic_version(version)} is the first champion; there is none to go back to"
    )


def creation_time(key: str, version: str) -> str:
    """When a version was registered, ISO time: the same however often its bundle is made."""
    return datetime.fromtimestamp(find(key, version).creation_timestamp / 1000, UTC).isoformat(timespec="seconds")


def mark_packaged(key: str, version: str, published: str, digest: str = "") -> None:
    """Make a version whose bundle is complete the challenger.

    Args:
        published: the address of its bundle in S3, or "".
        digest: sha256 of the bundle's manifest.
    """
    chosen = find(key, version)
    if digest:
        _tag(chosen, BUNDLE_DIGEST, digest)
    if published:
        _tag(chosen, BUNDLE, published)
    served = (by_alias(key, CHAMPION), by_alias(key, CHALLENGER))
    newer = any(int(one.version) > int(chosen.version) for one in served if one)
    # A retried step must not take down the champion, nor replace the challenger of a later training.
    if CHAMPION not in chosen.aliases and not newer:
        _set_stage(chosen, "Staging", CHALLENGER, archive_existing=True)


def semantic_version(version: ModelVersion) -> str:
    """The semantic version, or MLflow's number of a version that was registered elsewhere."""
    return version.tags.get("version", str(version.version))


def next_version(existing: Iterable[str]) -> str:
    """The semantic version after those that exist: a retrained model is a new minor version. Other tags do not count."""
    numbers = [tuple(map(int, version.split("."))) for version in existing if SEMANTIC_VERSION.fullmatch(version)]
    if not numbers:
        return "1.0.0"
    major, minor, _ = max(numbers)
    return f"{major}.{minor + 1}.0"


def _ensure_unique_version(made: ModelVersion) -> ModelVersion:
    """Of simultaneous trainings that chose the same semantic version the first keeps it; the others take the next ones."""
    taken: list[str] = []
    for version in versions(made.name):
        own = semantic_version(version)
        unique = own if own not in taken else next_version(taken)
        taken.append(unique)
        if version.version == made.version and unique != own:
            _tag(version, "version", unique)
    return client().get_model_version(made.name, made.version)


def _tag(version: ModelVersion, name: str, value: str) -> None:
    client().set_model_version_tag(version.name, version.version, name, value)


def _served_stage(version: ModelVersion) -> str:
    """The stage of a champion: Production where it meets its targets, or a person has said why it need not."""
    below_target = version.tags.get("targets_missed") and not version.tags.get("override_reason")
    return "Staging" if below_target else "Production"


def _set_stage(
    version: ModelVersion, stage: str, alias: str | None, archive_existing: bool, keep_predecessor: bool = False
) -> None:
    """Write stage and alias. What is derived from the present alias is written before the alias moves."""
    mlflow_client = client()
    if alias:
        before = by_alias(version.name, alias)
        if before and before.version != version.version:
            if alias == CHAMPION and not keep_predecessor:
                _tag(version, PREVIOUS_CHAMPION, semantic_version(before))
            if archive_existing:
                _tag(before, "stage", "Archived")
        mlflow_client.set_registered_model_alias(version.name, alias, version.version)
    else:
        for held in find(version.name, version.version).aliases:
            mlflow_client.delete_registered_model_alias(version.name, held)
    if alias == CHAMPION and CHALLENGER in find(version.name, version.version).aliases:
        mlflow_client.delete_registered_model_alias(version.name, CHALLENGER)
    _tag(version, "stage", stage)
