"""The bundles of registered versions on this machine; one that was published and is not here yet is downloaded."""

from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from nivesh.errors import ModelNotFound
from nivesh.registry import model_registry, storage
from nivesh.settings import settings


def folder_of(version: ModelVersion) -> Path:
    """The folder of a version's bundle.

    Raises:
        BundleError: the published bundle is missing, incomplete or was changed.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    folder = settings().bundles / version.name / model_registry.semantic_version(version)
    if not folder.exists() and (published := version.tags.get(model_registry.BUNDLE)):
        return storage.fetch(published)
    return folder


def champion_folder(key: str) -> Path:
    """The folder of the champion's bundle.

    Raises:
        ModelNotFound: the model has no champion yet.
    """
    champion = model_registry.by_alias(key, model_registry.CHAMPION)
    if champion is None:
        raise ModelNotFound(f"{key} has no champion yet; train it: nivesh train {key}")
    return folder_of(champion)
