"""The KServe predictor of each model: ``python -m predictors intent_classifier --model_dir /mnt/models``."""

import importlib
import pkgutil
from pathlib import Path

from nivesh import models
from nivesh.serving.predictor import Predictor


def create(key: str, folder: Path, name: str | None = None) -> Predictor:
    """The predictor of a model, not loaded yet.

    Args:
        key: the model's key; ``predictors/<key>.py`` is there only where serving it differs from serving the others.
        folder: the bundle.
        name: the name in KServe's protocols; the key with dashes where it is not given.
    """
    key = models.get(key).key
    own = key in {module for _, module, _ in pkgutil.iter_modules(__path__)}
    kind = importlib.import_module(f"predictors.{key}").Served if own else Predictor
    return kind(key, folder, name)
