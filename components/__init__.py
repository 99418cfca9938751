"""Kubeflow components: file = function = verb. Their bodies import nivesh, nothing else, so one step is one call."""

from components.build_features import build_features
from components.deploy import deploy
from components.evaluate import evaluate
from components.fit_segments import fit_segments
from components.gate import gate
from components.ingest import ingest
from components.join import join
from components.learn import learn
from components.package import package
from components.register import register
from components.split import split
from components.train import train
from components.validate import validate

__all__ = [
    "build_features", "deploy", "evaluate", "fit_segments", "gate", "ingest", "join", "learn", "package", "register",
    "split", "train", "validate",
]  # fmt: skip
