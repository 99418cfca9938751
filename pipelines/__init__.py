"""One Kubeflow training pipeline per model, compiled by ``nivesh compile``."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp import compiler

from nivesh import models
from nivesh.errors import SettingsError
from pipelines.monitoring import PREFIX as MONITORING
from pipelines.monitoring import monitoring_pipeline
from pipelines.training import training_pipeline

FIXED = (
    "data_path",
    "seed",
    "params",
    "dialect",
    "transactions",
    "transactions_dialect",
)  # parameters of every pipeline, that have arguments or options of their own


# Prefix of their files and runs -> what makes them.
PIPELINES: dict[str, Callable[[str], Any]] = {"": training_pipeline, MONITORING: monitoring_pipeline}


def get(key: str):
    """The training pipeline of a model."""
    return training_pipeline(models.get(key).key)


def arguments(
    key: str,
    data_path: str,
    seed: int,
    given: dict[str, Any],
    dialect: str = "",
    transactions: str = "",
    transactions_dialect: str = "",
) -> dict[str, Any]:
    """The parameters of a model's pipeline.

    Args:
        given: further ones by name, the pipeline's own (canary, accept_equal, golden_path) or those of the model's training.
        dialect: how the file differs from the project's format, as YAML.
        transactions: a file of the users' transactions, to make the features of.
        transactions_dialect: how that file differs, as YAML.

    Raises:
        SettingsError: a name is none of them, or a value does not fit.
    """
    if transactions and not models.get(key).spec.features_from_transactions:
        raise SettingsError(f"--transactions: {key} has no features of users that could be made from transactions")
    names = get(key).component_spec.inputs.keys() - set(FIXED)
    own = {name: value for name, value in given.items() if name in names}
    params = {name: value for name, value in given.items() if name not in own}
    models.get(key).parameters(params)  # a wrong name or value must not cost the time of the steps before the training
    if type(own.get("accept_equal", False)) is not bool:
        raise SettingsError(f"accept_equal={own['accept_equal']!r} must be true or false")
    golden = str(own.pop("golden_path", ""))
    if golden and not golden.startswith("s3://"):
        golden = str(Path(golden).resolve())  # steps have working folders of their own
    for name, value in own.items():
        if name != "accept_equal" and (type(value) is not int or not 0 <= value <= 100):
            raise SettingsError(f"{name}={value!r} must be a whole number from 0 to 100")
    texts = {"dialect": dialect, "transactions": transactions, "transactions_dialect": transactions_dialect}
    texts["golden_path"] = golden
    given_texts = {name: value for name, value in texts.items() if value}
    return {"data_path": data_path, "seed": seed, "params": params} | own | given_texts


def compile_to(key: str, path: Path, registry: str = "", pipeline: Callable[[str], Any] = training_pipeline) -> Path:
    """Write a model's pipeline as KFP YAML, with the images of a registry such as ``registry.example.com/team``.

    ``pipeline`` makes it from the key: ``training_pipeline`` or ``monitoring_pipeline``.

    Raises:
        SettingsError: no image can have such a name.
    """
    if registry and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)*/?", registry):
        raise SettingsError(
            f"registry {registry!r} cannot stand before an image's name; give registry.example.com/team"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline(models.get(key).key), str(path))
    if registry:
        path.write_text(path.read_text().replace("image: nivesh/", f"image: {registry.rstrip('/')}/nivesh/"))
    return path
