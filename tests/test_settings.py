from pathlib import Path

import pytest

from nivesh.errors import SettingsError
from nivesh.settings import settings


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
