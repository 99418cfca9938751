"""All models answer through the gateway on their own path and on KServe's, with API keys and a rate limit."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from nivesh import models
from tests.cluster.conftest import KEYS, REDIS_PASSWORD


def name_of(key: str) -> str:
    return key.replace("_", "-")


@pytest.mark.parametrize("key", KEYS)
def test_the_example_is_answered_on_the_one_host(cluster, key):
    module = models.get(key)
    answer = cluster.ask(module.spec.path, module.spec.example)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Model-Version"] == "1.0.0"
    direct = cluster.ask(module.spec.path, module.spec.example, host=f"{name_of(key)}-nivesh.example.com")
    assert answer.json() == direct.json(), "the one host and KServe's own lead to the same model"


@pytest.mark.parametrize("key", KEYS)
def test_both_kserve_protocols_work_on_the_one_host(cluster, key):
    module = models.get(key)
    v1 = cluster.ask(f"/v1/models/{name_of(key)}:predict", {"instances": [module.spec.example]})
    tensor = {"name": "request", "datatype": "BYTES", "shape": [1], "data": [json.dumps(module.spec.example)]}
    v2 = cluster.ask(f"/v2/models/{name_of(key)}/infer", {"inputs": [tensor]})
    assert v1.status_code == v2.status_code == 200, v1.text + v2.text
    assert json.loads(v2.json()["outputs"][0]["data"][0]) == v1.json()["predictions"][0]
    assert v2.json()["model_version"] == "1.0.0"
    assert cluster.ask(f"/v2/models/{name_of(key)}/ready").status_code == 200


@pytest.mark.parametrize("host", ["nivesh.example.com", "intent-classifier-nivesh.example.com"])
@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_request_without_the_right_key_is_refused(cluster, host, key):
    assert cluster.ask("/predict/intent", {"query": "Can I afford a car loan?"}, host=host, key=key).status_code == 401


def test_an_invalid_request_gets_the_reason(cluster):
    loan = models.get("credit_risk").spec.example | {"user_id": "nobody"}
    assert cluster.ask("/predict/credit-risk", loan).status_code == 404
    refused = cluster.ask("/predict/intent", {"quary": "?"})
    assert refused.status_code == 422
    assert "query" in refused.json()["error"]
    assert cluster.ask("/predict/nothing", {}).status_code == 404


def test_a_client_over_its_rate_limit_gets_429_and_others_do_not(cluster):
    policy = "backendtrafficpolicy", "nivesh-rate-limit"
    (rule,) = cluster.get(*policy)["spec"]["rateLimit"]["local"]["rules"]

    def limit(requests: int, unit: str) -> None:
        rules = [rule | {"limit": {"requests": requests, "unit": unit}}]
        patch = json.dumps({"spec": {"rateLimit": {"local": {"rules": rules}}}})
        cluster.kubectl("patch", *policy, "--type=merge", "-p", patch)

    def statuses() -> set[int]:
        with ThreadPoolExecutor(4) as pool:
            return set(pool.map(lambda _: cluster.ask("/predict/intent", {"query": "hello"}).status_code, range(12)))

    try:
        limit(5, "Minute")
        assert cluster.until("the gateway to refuse", lambda: 429 in (found := statuses()) and found) <= {200, 429}
        assert cluster.ask("/predict/intent", {"query": "hello"}, key="nivesh-other-key").status_code == 200
    finally:
        limit(**rule["limit"])
    cluster.until("the gateway to let all through again", lambda: statuses() == {200})


@pytest.mark.parametrize("key", KEYS)
def test_prometheus_finds_the_pods_and_their_metrics(cluster, key):
    pod = cluster.pods(name_of(key))[0]
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    place = f"{pod['metadata']['name']}:{annotations['prometheus.io/port']}/proxy{annotations['prometheus.io/path']}"
    text = cluster.kubectl("get", "--raw", f"/api/v1/namespaces/nivesh/pods/{place}")
    labels = rf'\{{(?=[^}}]*model_name="{key}")(?=[^}}]*version="1\.0\.0")'
    for metric in ("ml_predictions_total", "ml_prediction_latency_seconds_count", "ml_model_accuracy"):
        assert re.search(rf"^{metric}{labels}", text, re.MULTILINE), f"{metric} of {key} 1.0.0 is missing"
    assert re.search(r"^ml_active_models 1\.0$", text, re.MULTILINE)
    named = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    assert cluster.get("podmonitor", "nivesh-models")["spec"]["podMetricsEndpoints"][0]["port"] in named


@pytest.mark.parametrize("key", KEYS)
def test_a_pod_has_no_rights_and_as_many_threads_as_its_limit(cluster, key):
    pod = cluster.pods(name_of(key))[0]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    inside = ["exec", pod["metadata"]["name"], "-c", "kserve-container", "--", "sh", "-c"]
    assert cluster.kubectl(*inside, "id -u; echo $NIVESH_THREADS $OMP_NUM_THREADS").split() == ["10001", "1", "1"]
    assert "read-only" in cluster.kubectl(*inside, "touch /app/x 2>&1 || true").lower()
    assert cluster.kubectl(*inside, "python -c 'import torch' 2>&1 || true").endswith("No module named 'torch'\n")


def test_without_redis_a_user_gets_a_clear_answer_and_other_models_go_on(cluster):
    selector = '{"spec": {"selector": {"app": "%s"}}}'
    ask = models.get("credit_risk").spec
    hang_up = f"redis-cli --no-auth-warning -a {REDIS_PASSWORD} client kill type normal"

    def loan() -> int:
        return cluster.ask(ask.path, ask.example).status_code

    cluster.kubectl("patch", "service", "redis", "-p", selector % "nobody")
    try:
        cluster.kubectl("exec", "deployment/redis", "--", "sh", "-c", hang_up)  # open connections would go on
        cluster.until("a request that needs Redis to fail", lambda: loan() == 503)
        assert cluster.ask("/predict/intent", {"query": "hello"}).status_code == 200
        assert all(
            container["ready"]
            for pod in cluster.pods("credit-risk")
            for container in pod["status"]["containerStatuses"]
        )
    finally:
        cluster.kubectl("patch", "service", "redis", "-p", selector % "redis")
    cluster.until("answers with Redis back", lambda: loan() == 200)
