from pathlib import Path

import pytest

from nivesh.errors import SettingsError
from nivesh.settings import cpu_count, settings, thread_count


def test_environment_is_read_when_called(monkeypatch, tmp_path):
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path))
    assert settings().home == tmp_path
    assert settings().bundles == tmp_path / "bundles"
    assert settings().mlflow_uri == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("NIVESH_TRACKING_URI", "https://mlflow.example")
    assert settings().mlflow_uri == "https://mlflow.example"


def test_home_is_in_the_project_by_default(monkeypatch):
    monkeypatch.delenv("NIVESH_HOME", raising=False)
    assert settings().home == Path(__file__).parent.parent / ".nivesh"


def test_a_bad_value_names_the_variable(monkeypatch):
    monkeypatch.setenv("NIVESH_RATE_LIMIT", "many")
    with pytest.raises(SettingsError, match="NIVESH_RATE_LIMIT='many'"):
        settings()


def test_threads_are_the_setting_or_the_cpus_of_the_process(monkeypatch):
    monkeypatch.setenv("NIVESH_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.setenv("NIVESH_THREADS", "0")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 2, 5, 7}, raising=False)
    assert thread_count() == cpu_count() == 4
    monkeypatch.delattr("os.sched_getaffinity")  # macOS has none
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert thread_count() == 6
