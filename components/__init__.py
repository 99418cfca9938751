"""Kubeflow components: file = function = verb. Their bodies import nivesh, nothing else, so one step is one call."""

from components.build_features import build_features
from components.deploy import deploy
from components.evaluate import evaluate
from components.gate import gate
from components.ingest import ingest
from components.package import package
from components.register import register
from components.split import split
from components.train import train
from components.validate import validate

__all__ = [
    "build_features", "deploy", "evaluate", "gate", "ingest", "package", "register", "split", "train", "validate",
]  # fmt: skip
