"""One KServe predictor per model, found by its key: ``python -m predictors intent_classifier --model_dir /mnt/models``."""

import importlib

from nivesh import models
from nivesh.serving.predictor import Predictor


def get(key: str) -> type[Predictor]:
    """The predictor class of a model, from ``predictors/<key>.py``."""
    name = models.get(key).key
    return importlib.import_module(f"predictors.{name}").Served
