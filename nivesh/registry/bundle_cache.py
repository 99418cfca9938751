"""The bundles of registered versions on this machine.

The bundle is the registered artifact: it lies with the version in MLflow, and in S3 where it was published. Folders under
``settings().bundles`` are copies; one that is missing, or of another registry, is downloaded again.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from nivesh.errors import BundleError, ModelNotFound
from nivesh.registry import bundle, model_registry, storage
from nivesh.registry.experiments import client
from nivesh.registry.pyfunc import DATA
from nivesh.settings import settings

ARTIFACT = "model"  # artifact path of a training's MLflow model within its run


def folder_of(version: ModelVersion) -> Path:
    """The folder of a version's bundle, downloaded where it is not here. Its checksums are for ``bundle.verify``.

    Raises:
        BundleError: the registered bundle is missing, incomplete or was changed.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    folder = settings().bundles / version.name / model_registry.semantic_version(version)
    expected = version.tags.get(model_registry.BUNDLE_DIGEST)
    if expected is None:  # packaged before bundles were registered: only its own home and S3 have it
        if not folder.exists() and (published := version.tags.get(model_registry.BUNDLE)):
            with _staging(folder) as staged:
                storage.fetch(published, staged)
                _replace(folder, staged)
        return folder
    if digest(folder) != expected:
        with _staging(folder) as staged:
            if published := version.tags.get(model_registry.BUNDLE):
                storage.fetch(published, staged)
            else:
                shutil.copytree(_download(version, staged.parent / ".download"), staged, dirs_exist_ok=True)
                bundle.verify(staged)
            if digest(staged) != expected:
                name = f"{version.name} {model_registry.semantic_version(version)}"
                raise BundleError(f"{name}: the stored bundle is not the registered one (its manifest differs)")
            _replace(folder, staged)
    return folder


def champion_folder(key: str) -> Path:
    """The folder of the champion's bundle.

    Raises:
        ModelNotFound: the model has no champion yet.
        BundleError, StorageUnavailable: as ``folder_of``.
    """
    champion = model_registry.by_alias(key, model_registry.CHAMPION)
    if champion is None:
        raise ModelNotFound(f"{key} has no champion yet; train it: nivesh train {key}")
    return folder_of(champion)


def install(packed: Path) -> Path:
    """Copy a bundle among those of this machine; returns its folder there."""
    manifest = bundle.verify(packed)
    folder = settings().bundles / manifest.key / manifest.version
    if digest(folder) != digest(packed):
        with _staging(folder) as staged:
            shutil.copytree(packed, staged, dirs_exist_ok=True)
            _replace(folder, staged)
    return folder


def digest(folder: Path) -> str:
    """sha256 of a bundle's manifest, which holds those of all its files; "" where there is none."""
    path = folder / bundle.MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _download(version: ModelVersion, folder: Path) -> Path:
    folder.mkdir()
    try:
        return Path(client().download_artifacts(version.run_id or "", f"{ARTIFACT}/{DATA}", str(folder)))
    except OSError as error:
        raise BundleError(f"{version.name} {version.version}: no bundle at {version.source} ({error})") from None


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """An empty folder on the same file system; removed in the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".staged-") as parent:
        staged = Path(parent) / folder.name
        staged.mkdir()
        yield staged


def _replace(folder: Path, staged: Path) -> None:
    """Put the staged folder in place of ``folder``; of two processes that do it at once the first one wins."""
    try:
        if folder.exists():
            os.replace(folder, staged.parent / ".old")
        os.replace(staged, folder)
    except OSError:
        if digest(folder) != digest(staged):
            raise
