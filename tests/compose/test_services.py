"""The compose's services as processes, by the same commands: they start, answer, and find each other."""

import shutil
import subprocess
from datetime import UTC, datetime

import httpx
import pytest
import redis

from nivesh import data, models
from nivesh.doctor.examination import examine
from nivesh.doctor.finding import Status
from nivesh.registry import bundle, bundle_cache, experiments, model_registry, pyfunc
from nivesh.store import local_redis
from nivesh.store.materialization import materialize
from tests.compose.stack import PROJECT, Stack, redis_cli
from tests.conformance.conftest import google, train  # noqa: F401 - the fixtures of the models on few rows

KEY = "credit_risk"
LOAN = {"user_id": "user_123", "loan_amount": 500000, "loan_tenure_months": 60}


@pytest.fixture(scope="module")
def stack(tmp_path_factory, train):  # noqa: F811
    """MLflow, Redis and the model server, which waits for its first champion."""
    made = Stack(tmp_path_factory.mktemp("compose"))
    try:
        made.start("mlflow", ["mlflow", "server"])
        made.start("redis", [local_redis.executable()])
        train(KEY)  # while MLflow makes its tables
        made.until("mlflow", "MLflow", lambda: httpx.get(made.url("mlflow", "/health")).is_success)
        made.start("server", ["python", "-m", "nivesh.cli"])
        made.until("server", "the server to wait", lambda: "waiting for the first champion" in made.log("server"))
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def commands(stack, tmp_path_factory):
    """The environment of a user's commands: .env."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in stack.variables.items():
            environment.setenv(name, stack.here(value))
        environment.setenv("NIVESH_HOME", str(tmp_path_factory.mktemp("home")))
        yield environment


@pytest.fixture(scope="module")
def served(stack, commands, train, tmp_path_factory):  # noqa: F811
    """The first champion, registered in that MLflow with its bundle, and the users' features in that Redis."""
    trained, folder = train(KEY), tmp_path_factory.mktemp("packed")
    run_id = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
    version = model_registry.semantic_version(model_registry.register_model(KEY, f"runs:/{run_id}/model"))
    schema = models.get(KEY).Request.model_json_schema()
    packed = bundle.pack(
        trained.folder,
        bundle.Manifest(KEY, version, "2025-01-01T00:00:00+00:00", trained.metrics, [], schema, {}),
        folder,
    )
    pyfunc.save(packed, folder / "mlflow")
    experiments.client().log_artifacts(run_id, str(folder / "mlflow"), bundle_cache.ARTIFACT)
    model_registry.mark_packaged(KEY, version, "", bundle_cache.digest(packed))
    model_registry.set_champion(KEY, version)
    transactions, sample = folder / "transactions.parquet", data.read("transactions")
    sample[sample["user_id"] == LOAN["user_id"]].to_parquet(transactions)
    materialize(transactions, as_of=datetime.now(UTC))
    stack.until("server", "the server", lambda: httpx.get(stack.url("server", "/health")).is_success)
    return stack


def test_mlflow_is_healthy_without_a_login_and_answers_nothing_else(stack):
    assert httpx.get(stack.url("mlflow", "/health")).text == "OK"
    search, user = (
        stack.url("mlflow", "/api/2.0/mlflow/experiments/search"),
        stack.variables["MLFLOW_TRACKING_USERNAME"],
    )
    body = {"max_results": 1}
    assert httpx.post(search, json=body).status_code == 401
    assert httpx.post(search, json=body, auth=(user, "wrong")).status_code == 401
    assert httpx.post(search, json=body, auth=(user, stack.variables["MLFLOW_TRACKING_PASSWORD"])).status_code == 200
    assert httpx.post(search, json=body, headers={"Host": "evil.example"}).status_code == 403


def test_redis_answers_with_the_password_alone_and_runs_no_scripts(stack):
    port, password = stack.ports["redis"], stack.variables["REDISCLI_AUTH"]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    client = redis.Redis(port=port, password=password)
    assert client.ping()
    for refused in (client.flushall, lambda: client.eval("return 1", 0), lambda: client.config_get("*")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            refused()
    if cli := redis_cli():
        command = [cli, "-p", str(port), "ping"]
        assert (
            subprocess.run(command, env={"REDISCLI_AUTH": password}, capture_output=True, text=True).stdout == "PONG\n"
        )


def test_the_server_waits_for_the_first_champion_and_serves_it(served):
    answer = httpx.post(served.url("server", "/predict/credit-risk"), json=LOAN, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Model-Version"] == "1.0.0"


def test_mlflow_keeps_its_versions_over_a_restart(served, commands):
    assert served.stop("mlflow") in (0, -15)
    served.start("mlflow", ["mlflow", "server"])
    served.until("mlflow", "MLflow", lambda: httpx.get(served.url("mlflow", "/health")).is_success)
    assert model_registry.semantic_version(model_registry.by_alias(KEY, model_registry.CHAMPION)) == "1.0.0"


@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus (Debian's package of that name)")
def test_prometheus_scrapes_the_server_by_the_same_configuration(served):
    etc = served.folder / "etc"
    shutil.copytree(PROJECT / "manifests/monitoring", etc / "monitoring")
    text = (PROJECT / "compose/prometheus.yaml").read_text()
    (etc / "prometheus.yaml").write_text(served.here(text).replace("15s", "1s"))
    served.start("prometheus", ["prometheus"])

    def value(query: str) -> list[dict]:
        answer = httpx.get(served.url("prometheus", "/api/v1/query"), params={"query": query})
        return answer.json()["data"]["result"] if answer.is_success else []

    httpx.post(served.url("server", "/predict/credit-risk"), json=LOAN, timeout=30)
    served.until("prometheus", "the server's metrics", lambda: value('ml_predictions_total{job="nivesh-models"} > 0'))
    assert [one["value"][1] for one in value('up{job="nivesh-models"}')] == ["1"]
    groups = httpx.get(served.url("prometheus", "/api/v1/rules")).json()["data"]["groups"]
    assert sum(len(group["rules"]) for group in groups) >= 8
    assert not [rule for group in groups for rule in group["rules"] if rule["health"] == "err"]


def test_the_doctor_finds_every_service_and_what_was_broken_on_purpose(served, commands):
    def found() -> dict:
        return {one.part: one for one in examine()}

    if "prometheus" in served.processes:
        commands.setenv("NIVESH_PROMETHEUS_URL", served.url("prometheus"))
    fine = found()
    assert fine["MLflow"].status is fine["Redis"].status is fine["features"].status is Status.OK, fine
    assert "credit_risk 1.0.0" in fine["champions"].message
    commands.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    commands.setenv("NIVESH_REDIS_URL", f"redis://:wrong@127.0.0.1:{served.ports['redis']}/0")
    broken = found()
    assert broken["MLflow"].status is broken["Redis"].status is Status.FAIL
    assert "MLFLOW_TRACKING_PASSWORD" in broken["MLflow"].remedy and "NIVESH_REDIS_URL" in broken["Redis"].remedy
    if "prometheus" in served.processes:  # nobody has started the exporter
        assert broken["Prometheus"].status is Status.FAIL and "nivesh-monitor" in broken["Prometheus"].message
