import shutil
import tempfile
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.vertex import google_here

TESTS = Path(__file__).parent

# Folders whose files share what they train.
TOGETHER = ("conformance", "cluster")
# Folders and files whose tests train models, run pipelines, start servers or kill processes: ``make test-fast`` leaves them out.
SLOW = (
    "cli/test_exit_codes.py",
    "cli/test_features.py",
    "cli/test_tune.py",
    "cluster",
    "components/test_build_features.py",
    "components/test_killed.py",
    "components/test_release.py",
    "compose/test_services.py",
    "conformance",
    "doctor/test_features.py",
    "doctor/test_registry.py",
    "feature_repo",
    "features/test_behaviour.py",
    "helm",
    "kind",
    "models",
    "monitoring/test_alerts.py",
    "monitoring/test_drift",
    "monitoring/test_accuracy.py",
    "monitoring/test_exported_series.py",
    "monitoring/test_labels.py",
    "monitoring/test_prediction_reader.py",
    "monitoring/test_text_drift.py",
    "monitoring/test_webhook.py",
    "pipelines",
    "predictors/test_anomaly_served.py",
    "registry/test_killed.py",
    "registry/test_local_database.py",
    "registry/test_model_registry.py",
    "registry/test_storage.py",
    "rollout/test_champion.py",
    "serving/test_feedback.py",
    "serving/test_outage.py",
    "serving/test_prediction_log.py",
    "serving/test_read_only_home.py",
    "serving/test_schemathesis.py",
    "serving/test_server.py",
    "store",
    "vertex",
)


def pytest_collection_modifyitems(items):
    """Mark the slow tests."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)


def pytest_ignore_collect(collection_path, config):
    """With ``-m "not slow"``, do not even import the slow files: half of the time of a small run."""
    return True if config.option.markexpr == "not slow" and _is_slow(collection_path) else None


def _is_slow(path: Path) -> bool:
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).as_posix().startswith(SLOW)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process of pytest-xdist whole files, so that what a file trains once is trained once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return next((folder for folder in TOGETHER if file.startswith(f"tests/{folder}/")), file)

    return ByFile(config, log)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty NIVESH_HOME of its own."""
    from nivesh.store import online_store

    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "home"))
    for name in ("NIVESH_TRACKING_URI", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "NIVESH_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path / "home"
    online_store.close()


@pytest.fixture(scope="session")
def redis_server():
    """One real Redis for the tests of a session."""
    server = RedisServer(Path(tempfile.mkdtemp(prefix="nivesh-test-")))
    yield server
    server.remove()


@pytest.fixture
def store(home, redis_server, monkeypatch):
    """An empty feature store: the session's Redis, named by NIVESH_REDIS_URL."""
    monkeypatch.setenv("NIVESH_REDIS_URL", redis_server.url)
    redis_server.client.flushall()
    return redis_server


@pytest.fixture
def vertex(monkeypatch):
    """Google on this machine: Vertex AI and Cloud Storage, named by the settings; a project without jobs."""
    with google_here() as (service, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def steps_in_process(monkeypatch):
    """Local pipelines run in this process, from the golden YAML: no interpreter and no imports for each step."""

    def copy_golden(key: str, path: Path) -> Path:
        return Path(shutil.copy(Path(__file__).parent / "pipelines" / "golden" / f"{key}.yaml", path))

    from tests import in_process_steps

    monkeypatch.setattr("kfp.local.subprocess_task_handler.run_local_subprocess", in_process_steps.run)
    monkeypatch.setattr("pipelines.compile_to", copy_golden)
