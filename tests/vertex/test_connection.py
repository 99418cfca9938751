import pytest

from nivesh.errors import SettingsError, VertexRefused
from nivesh.vertex import connection


@pytest.mark.parametrize(
    "address", ["http://vertex.example:80", "http://10.0.0.1:80", "127.0.0.1:80", "http://127.0.0.1"]
)
def test_only_loopback_is_called_without_tls(vertex, monkeypatch, address):
    monkeypatch.setenv("NIVESH_GOOGLE_ENDPOINT", address)
    with pytest.raises(SettingsError, match="NIVESH_GOOGLE_ENDPOINT"):
        connection.tuning_client()


def test_missing_credentials_are_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    monkeypatch.setenv("NIVESH_GOOGLE_ENDPOINT", "")
    with pytest.raises(VertexRefused, match="gcloud auth application-default login"):
        connection._connect.__wrapped__(connection.aiplatform_v1.PredictionServiceClient, "asia-south1", "")


def test_no_project(monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_PROJECT", "")
    with pytest.raises(SettingsError, match="NIVESH_GOOGLE_PROJECT"):
        connection.location()


def test_the_region_is_that_of_the_endpoint(monkeypatch):
    regions = []
    monkeypatch.setattr(connection, "_connect", lambda kind, region, override: regions.append(region))
    connection.prediction_client("projects/p/locations/asia-south1/endpoints/1")
    assert regions == ["asia-south1"]
