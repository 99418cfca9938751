"""A home that the user cannot write: what needs no writing is served, the rest is named in one line."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from nivesh import data, models
from nivesh.registry import bundle, experiments, model_registry
from nivesh.settings import PROJECT, settings
from tests.conformance.conftest import free_port

KEY = "credit_risk"
# Root may write everywhere by these capabilities; without them a file's mode counts for it as for other users.
AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
pytestmark = pytest.mark.skipif(bool(AS_OTHERS) and not shutil.which("setpriv"), reason="needs setpriv (util-linux)")


@pytest.fixture(scope="module")
def read_only():
    """A home with a champion, readable and not writable."""
    folder = Path(tempfile.mkdtemp(prefix="nivesh-read-only-"))
    home = folder / "home"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NIVESH_HOME", str(home))
        for name in ("NIVESH_TRACKING_URI", "MLFLOW_TRACKING_URI", "NIVESH_REDIS_URL"):
            environment.delenv(name, raising=False)
        model = models.get(KEY)
        rows = model.build_features(data.read("loans").head(1500))
        fitted = model.fit(rows, progress=lambda *step: None, n_estimators=5, max_depth=1)
        (folder / "model").mkdir()
        model.save(fitted, folder / "model")
        run_id = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
        version = model_registry.semantic_version(model_registry.register_model(KEY, f"runs:/{run_id}/model"))
        manifest = bundle.Manifest(KEY, version, "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {})
        bundle.pack(folder / "model", manifest, settings().bundles)
        model_registry.set_champion(KEY, version)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield home
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


def nivesh(home: Path, *words: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NIVESH_", "MLFLOW_"))}
    return subprocess.Popen(
        [*AS_OTHERS, sys.executable, "-m", "nivesh.cli", *words],
        env=environment | {"NIVESH_HOME": str(home), "HOME": "/nonexistent", "PYTHONPATH": str(PROJECT)},
        cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_models_are_served_from_it(read_only):
    port = free_port()
    server = nivesh(read_only, "serve", KEY, "--port", str(port))
    try:
        deadline = time.monotonic() + 120
        while server.poll() is None and time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.3)
        assert server.poll() is None, server.communicate()[1]
        answer = httpx.post(
            f"http://127.0.0.1:{port}/predict/credit-risk", json=models.get(KEY).spec.example, timeout=30
        )
        # The embedded Redis cannot start there; that is an outage of the features, said in the answer.
        assert answer.status_code == 503 and "cannot be written" in answer.text, answer.text
        assert "NIVESH_REDIS_URL" in answer.text
        assert httpx.get(f"http://127.0.0.1:{port}/models").status_code == 200
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=60)
    assert "Traceback" not in errors, errors


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["models", "list"], 0),
        (["train", KEY], 1),
        (["features", "materialize"], 1),
    ],
)
def test_what_must_write_says_so_in_a_line(read_only, words, code):
    process = nivesh(read_only, *words)
    out, errors = process.communicate(timeout=120)
    assert not [path for path in read_only.rglob("*") if path.stat().st_mode & 0o222], "nothing is written"
    assert process.returncode == code, errors
    assert "Traceback" not in out + errors, errors
    if code:
        assert str(read_only) in errors and "cannot be written" in errors, errors
