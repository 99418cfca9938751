import pytest

from nivesh.doctor import registry
from nivesh.doctor.finding import Status
from nivesh.registry import experiments, model_registry
from tests.conformance.conftest import free_port
from tests.doctor.http_server import answering

NO_ALIAS = {"": (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})}
UP = {"/health": (200, "OK"), "/version": (200, "3.17.2")} | NO_ALIAS


def checked(monkeypatch, answers) -> list:
    with answering(answers) as url:
        monkeypatch.setenv("NIVESH_TRACKING_URI", url)
        return registry.mlflow()


def test_a_dead_port(monkeypatch):
    monkeypatch.setenv("NIVESH_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    (finding,) = registry.mlflow()
    assert finding.status is Status.FAIL and "does not answer" in finding.message
    assert "docker compose up -d mlflow" in finding.remedy and "NIVESH_TRACKING_URI" in finding.remedy


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_a_server_that_answers_500(monkeypatch, path):
    (finding,) = checked(monkeypatch, UP | {path: (500, "out of memory")})
    assert finding.status is Status.FAIL and "500" in finding.message and "restart mlflow" in finding.remedy


def test_a_database_behind_it_that_fails(monkeypatch):
    (finding,) = checked(monkeypatch, UP | {"": (500, {"error_code": "INTERNAL_ERROR"})})
    assert finding.status is Status.FAIL and "500 for the champion of" in finding.message and "log" in finding.remedy


def test_no_login_and_a_wrong_one(monkeypatch):
    answers = UP | {"/version": (401, "")}
    (finding,) = checked(monkeypatch, answers)
    assert finding.status is Status.FAIL and "asks for a login" in finding.message
    assert "MLFLOW_TRACKING_PASSWORD" in finding.remedy
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "nivesh")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    (finding,) = checked(monkeypatch, answers)
    assert "refuses user 'nivesh'" in finding.message and ".env" in finding.remedy
    assert "secret" not in finding.message + finding.remedy


def test_a_host_that_is_not_allowed(monkeypatch):
    (finding,) = checked(monkeypatch, UP | {"/version": (403, "Invalid Host header")})
    assert finding.status is Status.FAIL and "MLFLOW_SERVER_ALLOWED_HOSTS" in finding.remedy


def test_a_server_with_the_default_password(monkeypatch):
    server, champions = checked(monkeypatch, UP | {"/version": (200, "3.10.0")})
    assert server.status is Status.FAIL and "older than 3.16.1" in server.message and "upgrade" in server.remedy
    assert champions.status is Status.WARN


def test_champions_by_their_semantic_version(monkeypatch):
    version = {"version": "7", "tags": [{"key": "version", "value": "1.2.0"}]}
    server, champions = checked(monkeypatch, UP | {"": (200, {"model_version": version})})
    assert server.status is champions.status is Status.OK
    assert "credit_risk 1.2.0" in champions.message


def test_a_home_in_which_nothing_was_trained(home):
    (finding,) = registry.mlflow()
    assert finding.status is Status.WARN and "nivesh train" in finding.remedy
    assert not home.exists()


def test_the_champions_of_a_home_are_read_without_a_change(home):
    run = experiments.client().create_run(experiments.create_experiment("credit_risk")).info.run_id
    made = model_registry.register_model("credit_risk", f"runs:/{run}/model")
    model_registry.set_champion("credit_risk", model_registry.semantic_version(made))
    before = (home / "mlflow.db").read_bytes()
    server, champions = registry.mlflow()
    assert (server.status, server.message) == (Status.OK, str(home / "mlflow.db"))
    assert champions.status is Status.WARN and champions.message.endswith("there is credit_risk 1.0.0")
    assert "no champion of anomaly_detector" in champions.message
    assert champions.remedy == "nivesh train anomaly_detector"
    assert (home / "mlflow.db").read_bytes() == before


def test_a_broken_database(home):
    home.mkdir()
    (home / "mlflow.db").write_text(
        "no database at all, but longer than the header of one, which is a hundred bytes" * 9
    )
    (finding,) = registry.mlflow()
    assert finding.status is Status.FAIL and "cannot be read" in finding.message and "restore" in finding.remedy
