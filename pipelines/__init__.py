"""One Kubeflow graph per model: ``pipelines/<key>.py`` holds ``train_<key>``. Compiled by ``nivesh compile``."""

import importlib
from pathlib import Path
from typing import Any

from kfp import compiler

from nivesh import models
from nivesh.errors import SettingsError
from pipelines.step import image


def get(key: str):
    """The training pipeline of a model."""
    name = models.get(key).SPEC.key
    return getattr(importlib.import_module(f"pipelines.{name}"), f"train_{name}")


def arguments(key: str, data_path: str, seed: int, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a model's pipeline.

    Args:
        given: further ones by name, the pipeline's own (canary) or those of the model's training.

    Raises:
        SettingsError: a name is none of them, or a value does not fit.
    """
    own = {name: value for name, value in given.items() if name in get(key).component_spec.inputs}
    params = {name: value for name, value in given.items() if name not in own}
    models.parameters(key, params)  # a wrong name or value must not cost the time of the steps before the training
    for name, value in own.items():
        if type(value) is not int or not 0 <= value <= 100:
            raise SettingsError(f"{name}={value!r} must be a whole number from 0 to 100")
    return {"data_path": data_path, "seed": seed, "params": params} | own


def compile_to(key: str, path: Path, registry: str = "") -> Path:
    """Write a model's pipeline as KFP YAML, with the images of a registry such as ``registry.example.com/team``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(get(key), str(path))
    if registry:
        here = image(key)
        path.write_text(path.read_text().replace(f"image: {here}", f"image: {registry.rstrip('/')}/{here}"))
    return path
