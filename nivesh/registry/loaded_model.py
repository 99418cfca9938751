"""Bundles as models that answer, and the guide's two classes around them. MLflow is imported only to find a champion."""

from pathlib import Path
from typing import Any, NamedTuple, Self

from nivesh import models
from nivesh.errors import BundleError, DataError
from nivesh.models.interface import Fitted, Model
from nivesh.registry import bundle


class LoadedModel(NamedTuple):
    """A verified bundle, the model that it belongs to, and what training has fitted."""

    manifest: bundle.Manifest
    model: Model
    fitted: Fitted


def load(folder: Path, key: str | None = None) -> LoadedModel:
    """Verify a bundle, then load it.

    Raises:
        BundleError: as ``bundle.verify``, or the bundle is of another model than ``key``.
    """
    manifest = bundle.verify(folder)
    if key not in (None, manifest.key):
        raise BundleError(f"{folder} holds {manifest.key}, not {key}")
    model = models.get(manifest.key)
    return LoadedModel(manifest, model, model.load(folder / "model"))


def load_version(key: str, version: str = "champion") -> LoadedModel:
    """Load a registered version, by its semantic version, its MLflow number or an alias.

    Raises:
        ModelNotFound: there is no such model, version or champion.
        BundleError, StorageUnavailable: its bundle cannot be read.
    """
    from nivesh.registry import bundle_cache, model_registry

    key = models.get(key).key
    if version == model_registry.CHAMPION:
        return load(bundle_cache.champion_folder(key), key)
    return load(bundle_cache.folder_of(model_registry.find(key, version)), key)


class _TextModel:
    """What the guide's classes share: a model that reads one text."""

    key: str
    field: str  # of the request

    def __init__(self) -> None:
        self._fitted: Fitted = None

    def load_model(self, path: str | Path | None = None) -> Self:
        """Load a bundle or a saved model from a folder; without one, the champion of the registry. Returns itself.

        Raises:
            ModelNotFound: no path is given and there is no champion.
            BundleError, DataError: the folder holds no such model, or the bundle is incomplete or was changed.
        """
        if path is None:
            self._fitted = load_version(self.key).fitted
        elif (Path(path) / bundle.MANIFEST).is_file():
            self._fitted = load(Path(path), self.key).fitted
        else:
            self._fitted = models.get(self.key).load(Path(path))
        return self

    def predict(self, text: str) -> Any:
        """The answer to one text; loads the champion where nothing is loaded yet.

        Raises:
            DataError: the text is empty, too long or no string.
        """
        if not isinstance(text, str):
            raise DataError(f"the text must be a string, not {type(text).__name__}")
        if self._fitted is None:
            self.load_model()
        return models.get(self.key).predict(self._fitted, [{self.field: text}])[0]


class IntentClassifier(_TextModel):
    """``IntentClassifier().load_model().predict("Can I afford a car loan?")`` -> {intent, confidence, alternatives}"""

    key, field = "intent_classifier", "query"


class FinancialNER(_TextModel):
    """``FinancialNER().load_model().predict("I spent ₹5000 on groceries")`` -> [{text, label, start, end}, ...]"""

    key, field = "financial_ner", "text"
