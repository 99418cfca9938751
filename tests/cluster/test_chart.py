"""helm/nivesh on a real cluster: who reaches what, who may change what, who gets an answer, and what an upgrade keeps."""

import json
import shutil
import time

import httpx
import pytest

from tests.cluster import platform
from tests.cluster.conftest import forwarded
from tests.cluster.installed import HTTP, HTTPS, LOOP, PROXIES, PUBLIC, opened
from tests.cluster.load import KEY as API_KEY
from tests.cluster.load import Load
from tests.cluster.stage import BODY, GOOD, KEY, NAME, PATH, STABLE

pytestmark = [
    pytest.mark.timeout(420),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl in PATH"),
]
PIPELINES = "nivesh-deploy"


@pytest.fixture(scope="module")
def chart(kubeconfig, trained_home, tmp_path_factory):
    with opened(kubeconfig, trained_home, tmp_path_factory.mktemp("chart")) as chart:
        yield chart


@pytest.fixture(scope="module")
def places(chart) -> dict[str, str]:
    """Who can be reached, by short names; addresses of pods, so that no lookup of a name is needed."""
    return {
        "redis": f"{chart.address('app=redis')}:6379",
        "mlflow": f"{chart.address('app=mlflow')}:5000",
        "database": f"{chart.address('app=mlflow-database')}:3306",
        "model": f"{chart.address(f'serving.kserve.io/inferenceservice={NAME}')}:8080",
        "s3": f"{chart.cluster_ip('kubeflow', 'minio-service')}:9000",
        "dns": f"{chart.cluster_ip('kube-system', 'kube-dns')}:53",
        "api": ":".join(chart.api_server()),
        "loop": f"{chart.address(chart.proxy_labels(), PROXIES)}:{LOOP}",
        "https": f"{chart.address(chart.proxy_labels(), PROXIES)}:{HTTPS}",
    }


JOB = {"nivesh.io/redis": "", "nivesh.io/s3": "", "nivesh.io/mlflow": ""}
MODEL = {"serving.kserve.io/inferenceservice": "another"}
ADVISOR = {"serving.kserve.io/inferenceservice": "gemini-advisor"}
# Each flow that is allowed, and all its neighbours that are not: labels, whether where pipelines run -> what it reaches.
FLOWS = {
    "stranger": ({"app": "stranger"}, False, {"dns"}),
    "model": (MODEL, False, {"dns", "redis", "s3"}),
    "advisor": (ADVISOR, False, {"dns", "redis", "s3", "api"}),
    "job": (JOB, False, {"dns", "redis", "s3", "mlflow"}),
    "mlflow": ({"app": "mlflow", "copy": "test"}, False, {"dns", "s3", "database"}),
    "redis": ({"app": "redis", "copy": "test"}, False, {"dns"}),
    "step": ({"pipeline/runid": "1"}, True, {"dns", "s3", "api", "mlflow", "https"}),
    "prometheus": ({"app": "prometheus"}, True, {"dns", "s3", "api", "model", "https"}),
    "neighbour": ({"app": "neighbour"}, True, {"dns", "s3", "api", "https"}),
}


@pytest.mark.parametrize("who", FLOWS)
def test_a_pod_reaches_what_it_needs_and_nothing_else(chart, places, who):
    labels, elsewhere, wanted = FLOWS[who]
    if who in ("mlflow", "redis"):  # a pod that no Service may find
        labels = labels | {"pod-template-hash": "none"}
    names = {address: name for name, address in places.items()}
    found = chart.knock(f"knock-{who}", labels, list(names), chart.steps if elsewhere else None)
    assert {names[address] for address in found} == wanted


def test_the_gateway_reaches_the_model_and_lets_nobody_in_without_a_key(chart):
    with chart.gateway() as address:
        chart.until_answer(lambda: chart.ask(address).status_code == 200, "the gateway to answer")
        assert chart.ask(address).headers["X-Model-Version"] == STABLE
        assert chart.ask(address, key=None).status_code == 401
        assert chart.ask(address, key={"X-API-Key": "wrong"}).status_code == 401
        # A route of another namespace, without our label, that nobody thought of.
        assert chart.ask(address, "forgotten.example.com", key=None).status_code == 401
        assert chart.ask(address, "forgotten.example.com").status_code in (500, 503), "nobody is behind it"


def test_plain_http_is_led_to_https(chart):
    with chart.gateway(HTTP) as address:
        answer = httpx.get(address + PATH, headers={"Host": PUBLIC}, trust_env=False)
        assert (answer.status_code, answer.headers["location"]) == (308, f"https://{PUBLIC}:{HTTPS}{PATH}")
        assert chart.ask(address).status_code == 308, "a key changes nothing"


def test_mlflow_knows_readers_and_writers(chart):
    with forwarded(chart.kubeconfig, "service/mlflow", 5000, chart.namespace) as port:
        api = f"http://127.0.0.1:{port}/api/2.0/mlflow"

        def call(path: str, body: dict, user: str | None, password: str = "") -> int:
            auth = (user, password or chart.password("nivesh-mlflow", f"{user}-password")) if user else None
            return httpx.post(f"{api}/{path}", json=body, auth=auth, trust_env=False, timeout=60).status_code

        search, create = "experiments/search", "registered-models/create"
        assert call(search, {"max_results": 1}, None) == 401
        assert call(search, {"max_results": 1}, "readers", "password1234") == 401
        assert call(search, {"max_results": 1}, "readers") == 200
        assert call(create, {"name": "theirs"}, "readers") == 403
        assert call("experiments/create", {"name": "theirs"}, "readers") == 403
        assert call(create, {"name": "credit_risk"}, "pipelines") == 200
        alias = {"name": "credit_risk", "alias": "champion", "version": "1"}
        assert call("registered-models/alias", alias, "readers") == 403
        missing = httpx.get(
            f"{api}/registered-models/alias",
            params={"name": "not_trained_yet", "alias": "champion"},
            auth=("pipelines", chart.password("nivesh-mlflow", "pipelines-password")),
            trust_env=False,
        )
        assert missing.status_code == 404, "the first training of a model asks for its champion"
        assert call("users/create", {"username": "x", "password": "y" * 12}, "pipelines") == 403
        elsewhere = httpx.post(f"{api}/{search}", headers={"Host": "evil.example.com"}, trust_env=False)
        assert elsewhere.status_code == 403, "a browser that was led here under another name"


ATTACKS = {
    "image": {"spec": {"predictor": {"model": {"image": "evil"}}}},
    "command": {"spec": {"predictor": {"model": {"command": ["sh"]}}}},
    "environment": {"spec": {"predictor": {"model": {"env": [{"name": "A", "value": "b"}]}}}},
    "arguments": {"spec": {"predictor": {"model": {"args": ["credit_risk"]}}}},
    "runtime": {"spec": {"predictor": {"model": {"runtime": "other"}}}},
    "volumes": {"spec": {"predictor": {"volumes": [{"name": "s", "secret": {"secretName": "nivesh-mlflow"}}]}}},
    "containers": {"spec": {"predictor": {"containers": [{"name": "x", "image": "evil"}]}}},
    "first containers": {"spec": {"predictor": {"initContainers": [{"name": "x", "image": "evil"}]}}},
    "account": {"spec": {"predictor": {"serviceAccountName": "default"}}},
    "transformer": {"spec": {"transformer": {"containers": [{"name": "x", "image": "evil"}]}}},
    "another bucket": {"spec": {"predictor": {"model": {"storageUri": "s3://evil/intent_classifier/1.0.0"}}}},
    "a volume as model": {"spec": {"predictor": {"model": {"storageUri": "pvc://redis/x"}}}},
    "annotation": {"metadata": {"annotations": {"serving.kserve.io/deploymentMode": "Knative"}}},
    "label": {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}},
    "pods' annotation": {"spec": {"predictor": {"annotations": {"prometheus.io/port": "1"}}}},
}
CANARY_ATTACKS = {
    "image": {"model": {"image": "evil"}},
    "environment": {"model": {"env": [{"name": "A", "value": "b"}]}},
    "another bucket": {"model": {"storageUri": "s3://evil/intent_classifier/1.0.0"}},
    "volumes": {"volumes": [{"name": "s", "secret": {"secretName": "nivesh-mlflow"}}]},
    "containers": {"containers": [{"name": "x", "image": "evil"}]},
    "account": {"serviceAccountName": "default"},
}


def as_pipelines(chart, patch: dict) -> str:
    """kubectl patch as the last step's account; nothing is changed."""
    account = f"--as=system:serviceaccount:{chart.steps}:{PIPELINES}"
    return chart.kubectl(
        "patch", "isvc", NAME, "--type=merge", "--dry-run=server", "-o", "name", account, "-p", json.dumps(patch)
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_pipelines_may_not_change(chart, attack):
    with pytest.raises(AssertionError, match=f"ValidatingAdmissionPolicy 'nivesh-rollouts.{chart.namespace}'"):
        as_pipelines(chart, ATTACKS[attack])


@pytest.mark.parametrize("attack", CANARY_ATTACKS)
def test_a_pipelines_canary_may_not_have_another(chart, attack):
    model = json.loads(chart.kubectl("get", "isvc", NAME, "-o", "json"))["spec"]["predictor"]["model"]
    fine = {"name": "v1-1-0", "minReplicas": 1, "model": model | {"storageUri": chart.uri(GOOD)}}

    def canary(predictor: dict) -> dict:
        return {"spec": {"canary": [{"trafficPercent": 0, "predictor": predictor}]}}

    assert as_pipelines(chart, canary(fine))
    given = CANARY_ATTACKS[attack]
    changed = fine | given | {"model": fine["model"] | given.get("model", {})}
    with pytest.raises(AssertionError, match=f"ValidatingAdmissionPolicy 'nivesh-rollouts.{chart.namespace}'"):
        as_pipelines(chart, canary(changed))


def test_only_the_last_steps_account_has_rights_and_they_are_enough_for_a_rollout(chart, monkeypatch):
    admin = chart.kubeconfig
    for account, may in ((PIPELINES, "yes"), ("pipeline-runner", "no"), ("default", "no")):
        who = f"--as=system:serviceaccount:{chart.steps}:{account}"
        answer = chart.kubectl("auth", "can-i", "patch", "isvc", who) if may == "yes" else ""
        if may == "no":
            with pytest.raises(AssertionError, match="can-i"):
                chart.kubectl("auth", "can-i", "patch", "isvc", who)
        assert answer.strip() in ("yes", "")
    monkeypatch.setattr(chart, "kubeconfig", str(chart.deploy_kubeconfig()))
    try:
        chart.run("deploy", KEY, "--version", GOOD, "--canary", "25")
        chart.run("traffic", KEY, "100")
        chart.run("promote", KEY, "--without-registry")
    finally:
        monkeypatch.setattr(chart, "kubeconfig", admin)
    assert chart.state().version == GOOD


def test_helm_test_asks_and_says_what_it_got(chart):
    out = platform.helm(chart.kubeconfig, "test", "nivesh", "-n", chart.namespace, "--logs", "--timeout=2m")
    assert out.count("Succeeded") == 4, out
    assert '"intent"' in out and "ml_active_models 1.0" in out, "a prediction and a metric, of the real model"
    assert "401 without a key, 200 with one" in out
    assert out.count("no way, as it should be") == 4 and "skipped" not in out


def test_upgrade_and_rollback_under_load_lose_no_request(chart, tmp_path):
    newer = platform.chart_version("0.1.1", tmp_path)
    values = chart.values() | {"quota": {"enabled": False}}
    values["gateway"] = values["gateway"] | {"rateLimit": {"requests": 300}}
    passwords = [chart.password("nivesh-redis", "password"), chart.password("nivesh-mlflow", "readers-password")]
    with chart.gateway() as address, Load(PUBLIC, PATH, BODY, headers=API_KEY, gateway=address) as load:
        time.sleep(3)
        chart.upgrade(newer, values)
        assert chart.limit() == 300
        time.sleep(3)
        platform.helm(chart.kubeconfig, "rollback", "nivesh", "1", "-n", chart.namespace, "--wait", "--timeout=2m")
        assert chart.limit() == 200
        time.sleep(3)
    print(load.assert_nothing_lost())
    assert passwords == [
        chart.password("nivesh-redis", "password"),
        chart.password("nivesh-mlflow", "readers-password"),
    ]


def test_what_was_written_is_there_after_uninstall_and_a_new_installation(chart):
    environment = ["exec", "deployment/redis", "--", "redis-cli", "--no-auth-warning"]
    chart.kubectl(*environment, "set", "kept", "yes")
    platform.helm(chart.kubeconfig, "uninstall", "nivesh", "-n", chart.namespace, "--wait", "--timeout=2m")
    left = set(chart.kubectl("get", "pvc,secret", "-o", "name").split())
    assert {"persistentvolumeclaim/redis", "persistentvolumeclaim/mlflow-database"} <= left
    assert {f"secret/nivesh-{name}" for name in ("redis", "mlflow", "mlflow-database", "api-keys")} <= left
    assert not chart.kubectl("get", "networkpolicy", "-o", "name")
    chart.install()
    assert chart.kubectl(*environment, "get", "kept").strip() == "yes"
    with forwarded(chart.kubeconfig, "service/mlflow", 5000, chart.namespace) as port:
        answer = httpx.get(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/registered-models/get",
            params={"name": "credit_risk"},
            auth=("readers", chart.password("nivesh-mlflow", "readers-password")),
            trust_env=False,
        )
    assert answer.json()["registered_model"]["name"] == "credit_risk"
