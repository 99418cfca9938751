"""Pods come and go without a request being lost."""

import json
import time

from tests.cluster.conftest import API_KEY, HOST
from tests.cluster.load import Load

NAME, PATH, BODY = "intent-classifier", "/predict/intent", {"query": "Can I afford a car loan?"}


def test_a_new_pod_takes_over_without_losing_a_request(cluster):
    old = {pod["metadata"]["name"] for pod in cluster.pods(NAME)}
    patch = {"spec": {"predictor": {"annotations": {"rolled": f"{time.time()}"}}}}
    with Load(HOST, PATH, BODY, headers={"X-API-Key": API_KEY}) as load:
        cluster.kubectl("patch", "isvc", NAME, "--type=merge", "-p", json.dumps(patch))
        cluster.until("only new pods", lambda: (names := running(cluster)) and not names & old)
        time.sleep(5)
    print(load.assert_nothing_lost())


def running(cluster) -> set[str]:
    """Names of the model's pods, those included that are about to go."""
    found = cluster.get("pods", "-l", f"serving.kserve.io/inferenceservice={NAME}")["items"]
    return {pod["metadata"]["name"] for pod in found}
