"""Components called as functions, on files under tmp_path."""

from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def artifact(tmp_path):
    """Makes what KFP passes for an Input or Output: a path that does not exist yet, and metadata."""

    def make(name: str, **metadata) -> SimpleNamespace:
        path = tmp_path / "artifacts" / name
        path.parent.mkdir(exist_ok=True)
        return SimpleNamespace(path=str(path), metadata=metadata)

    return make


@pytest.fixture(autouse=True)
def pipeline_run(home, monkeypatch):
    """A run of a pipeline in a home of its own."""
    from nivesh.registry import tracking

    monkeypatch.setenv(tracking.RUN_ID, "credit_risk-20250101-000000-000")
    monkeypatch.delenv("NIVESH_SERVING_NAMESPACE", raising=False)
    return home


@pytest.fixture
def loans(tmp_path) -> Path:
    from nivesh import data

    path = tmp_path / "loans.csv"
    data.read("loans").head(1500).to_csv(path, index=False)
    return path
