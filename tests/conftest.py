import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty NIVESH_HOME of its own."""
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NIVESH_TRACKING_URI", raising=False)
    return tmp_path / "home"
