"""What the checks of every model share: each model trained once on few rows, and one server with all of them."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from nivesh import data, models
from nivesh.models.interface import Model
from nivesh.registry import bundle, experiments, model_registry
from nivesh.settings import settings
from nivesh.spec import Split
from nivesh.store import online_store
from nivesh.store.materialization import materialize
from tests.vertex import google_here

# Rows enough for each model to be learned at all; how good it gets is not what is checked here.
FEW_ROWS = {
    "intents": lambda rows: rows.groupby("intent").head(20),
    "ner": lambda rows: rows.head(150),
    "transactions": lambda rows: rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:30:3])],
    "loans": lambda rows: rows.head(1500),
    "advice": lambda rows: rows.head(60),
}
QUICK = {"intent_classifier": {"epochs": 1}, "financial_ner": {"iterations": 1}}


@dataclass(frozen=True)
class Trained:
    """A model on few rows, as the pipeline's steps leave it."""

    module: Model
    parts: Split
    model: Any
    metrics: dict[str, Any]
    folder: Path
    progress: list[tuple[float, str]]


@cache
def few_rows(key: str) -> pd.DataFrame:
    module = models.get(key)
    rows = FEW_ROWS[module.spec.dataset](data.read(module.spec.dataset)).reset_index(drop=True)
    return module.build_features(rows)


@pytest.fixture(scope="session")
def google():
    """Google on this machine, for models that are tuned and asked there."""
    with google_here() as (service, settings), pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        yield service


@pytest.fixture(scope="session")
def train(tmp_path_factory, google):
    """train(key) -> Trained, each key once in a session."""

    @cache
    def once(key: str) -> Trained:
        module = models.get(key)
        parts = module.split(few_rows(key), 0)
        told = []
        model = module.fit(parts.train, progress=lambda *step: told.append(step), **QUICK.get(key, {}))
        folder = tmp_path_factory.mktemp(key)
        module.save(model, folder)
        loaded = module.load(folder)
        metrics = module.evaluate(loaded, parts.test, history=parts.train)
        return Trained(module, parts, loaded, metrics, folder, told)

    return once


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen
    log: Path

    def post(self, path: str, **options) -> httpx.Response:
        return httpx.post(self.url + path, timeout=60, **options)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60)


@pytest.fixture(scope="session")
def server(train, tmp_path_factory):
    """``nivesh serve`` with every model that was trained on few rows, and the features of the sample's users."""
    home = tmp_path_factory.mktemp("served")
    before = os.environ.get("NIVESH_HOME")
    os.environ["NIVESH_HOME"] = str(home)
    try:
        for key in models.keys():
            release(key, train(key))
        materialize()
        started = start(home)
        yield started
        started.process.terminate()
        assert started.process.wait(timeout=60) == 0
    finally:
        online_store.close()
        os.environ.pop("NIVESH_HOME") if before is None else os.environ.update(NIVESH_HOME=before)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(home: Path, **environment: str) -> Server:
    """A server of this home on a free port; returns when it answers."""
    port = free_port()
    log = home / "serve.log"
    with log.open("w") as file:
        command = [sys.executable, "-m", "nivesh.cli", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=os.environ | environment, stderr=file, stdout=file)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"{url}/health")
            return Server(url, process, log)
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not answer: {log.read_text()}")


def release(key: str, trained: Trained) -> None:
    """Register, package and promote without the gate, which models on few rows would not pass."""
    run_id = experiments.client().create_run(experiments.create_experiment(key)).info.run_id
    version = model_registry.semantic_version(model_registry.register_model(key, f"runs:/{run_id}/model"))
    manifest = bundle.Manifest(
        key, version, "2025-01-01T00:00:00+00:00", trained.metrics, [], trained.module.Request.model_json_schema(), {}
    )
    bundle.pack(trained.folder, manifest, settings().bundles)
    model_registry.set_champion(key, version)
