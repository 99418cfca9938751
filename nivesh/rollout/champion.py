"""Keeps MLflow in step with the cluster: what gets all requests is the champion."""

import contextlib
from collections.abc import Iterator

import httpx
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from nivesh.errors import NiveshError, RegistryError
from nivesh.registry import experiments, model_registry
from nivesh.settings import settings

HEALTH_SECONDS = 2
UNDONE = "undone"  # tag of a version that was undone: the reason


def require(key: str, version: str, uri: str) -> ModelVersion:
    """The registered version that the cluster serves, or is about to, from ``uri``.

    Raises:
        RegistryError: no registry answers, or it does not hold this version with this bundle.
    """
    with _registry() as address:
        found = model_registry.find(key, version)
        published = found.tags.get("bundle", "")
        if published.rstrip("/") != uri.rstrip("/"):
            other = f"its bundle is {published}" if published else "it was not published from there"
            raise RegistryError(
                f"the {key} {version} of the registry at {address} is not the one at {uri}: {other}; "
                f"nivesh publish {key} --version {version}, or another NIVESH_TRACKING_URI"
            )
        return found


def set_champion(key: str, version: str, uri: str, undo: bool = False) -> str:
    """Make what the cluster serves the champion where it is not; returns a sentence that says what was done where.

    Args:
        undo: the present champion was a mistake: it does not become the predecessor of ``version``.

    Raises:
        RegistryError: as ``require``.
    """
    found = require(key, version, uri)
    with _registry() as address:
        before = model_registry.by_alias(key, model_registry.CHAMPION)
        if before and before.version == found.version:
            return f"it is the champion in the registry at {address}"
        model_registry.set_champion(key, version)
        if undo:
            tag(key, version, "previous_champion", found.tags.get("previous_champion", ""))
        replaced = f" in place of {model_registry.semantic_version(before)}" if before else ""
        return f"it is the champion now{replaced} in the registry at {address}"


def previous(key: str, version: str) -> str:
    """The champion before ``version``, "" where no registry knows."""
    with contextlib.suppress(NiveshError), _registry():
        return str(model_registry.find(key, version).tags.get("previous_champion", ""))
    return ""


def undone(key: str, version: str) -> str:
    """Why a version was undone, "" where it was not or no registry knows."""
    with contextlib.suppress(NiveshError), _registry():
        return str(model_registry.find(key, version).tags.get(UNDONE, ""))
    return ""


def tag(key: str, version: str, name: str, value: str) -> None:
    """Write a decision to a version, where a registry answers that knows the version; "" removes the tag."""
    with contextlib.suppress(NiveshError), _registry():
        number = model_registry.find(key, version).version
        if value:
            experiments.client().set_model_version_tag(key, number, name, value)
        else:
            experiments.client().delete_model_version_tag(key, number, name)


@contextlib.contextmanager
def _registry() -> Iterator[str]:
    """The registry's address, where it answers: MLflow's client retries an absent server for minutes."""
    address = settings().mlflow_uri
    if settings().tracking_uri.startswith("http"):
        try:
            httpx.get(f"{address}/health", timeout=HEALTH_SECONDS).raise_for_status()
        except httpx.HTTPError as error:
            raise RegistryError(f"the registry at {address} does not answer: {error}") from None
    elif not settings().tracking_uri and not (settings().home / "mlflow.db").exists():
        raise RegistryError("there is no registry: set NIVESH_TRACKING_URI to MLflow's address")
    try:
        yield address
    except MlflowException as error:
        raise RegistryError(f"the registry at {address} refuses: {error}") from None
