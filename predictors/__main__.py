"""Serve one model's bundle, as a ServingRuntime starts it."""

import argparse
import sys
from pathlib import Path

from kserve import model_server

import predictors
from nivesh import models
from nivesh.errors import NiveshError
from nivesh.serving import server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m predictors", parents=[model_server.parser])
    parser.add_argument("key", choices=models.keys(), help="the model to serve")
    parser.add_argument("--model_dir", type=Path, default=Path("/mnt/models"), help="folder of the bundle")
    arguments = parser.parse_args()
    name = arguments.key.replace("_", "-") if arguments.model_name == "model" else arguments.model_name
    predictor = predictors.create(arguments.key, arguments.model_dir, name)
    try:
        predictor.load()
    except NiveshError as error:  # one line, which Kubernetes shows in the pod's status
        sys.exit(f"{arguments.key} is not served: {type(error).__name__}: {error}")
    server.run([predictor], [predictor.key], server.ALL_ADDRESSES, arguments.http_port)


if __name__ == "__main__":
    main()
