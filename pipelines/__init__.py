"""One Kubeflow graph per model: ``pipelines/<key>.py`` holds ``train_<key>``. Compiled by ``nivesh compile``."""

import importlib
from pathlib import Path

from kfp import compiler

from nivesh import models
from pipelines.step import image


def get(key: str):
    """The training pipeline of a model."""
    name = models.get(key).SPEC.key
    return getattr(importlib.import_module(f"pipelines.{name}"), f"train_{name}")


def compile_to(key: str, path: Path, registry: str = "") -> Path:
    """Write a model's pipeline as KFP YAML, with the images of a registry such as ``registry.example.com/team``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(get(key), str(path))
    if registry:
        here = image(key)
        path.write_text(path.read_text().replace(f"image: {here}", f"image: {registry.rstrip('/')}/{here}"))
    return path
