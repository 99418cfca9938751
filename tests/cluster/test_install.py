"""manifests/kind/install on a cluster that has all parts: it leaves them alone, and every model answers."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nivesh.store.materialization import materialize
from tests.cluster import platform
from tests.cluster.conftest import GATEWAY, IMAGE_TOOL, KEYS, NAMESPACE, REDIS_PASSWORD, ROOT, S3, Cluster, forwarded


@pytest.fixture
def platform_after(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose chart gets back the values of the other tests, and its new Redis their features."""
    yield cluster
    values = platform.ONLY_MODELS | {"gateway": {"enabled": True}}
    platform.install(cluster.kubeconfig, NAMESPACE, values, "--wait", "--timeout=5m")
    with forwarded(cluster.kubeconfig, "service/redis", 6379) as port, pytest.MonkeyPatch.context() as here:
        here.setenv("NIVESH_REDIS_URL", f"redis://:{REDIS_PASSWORD}@127.0.0.1:{port}/0")
        materialize()


def test_what_is_installed_is_found_and_every_model_answers(platform_after: Cluster):
    """Its models and features are those of the other tests here, so that nothing is trained."""
    cluster = platform_after
    before = installed(cluster)
    environment = {
        "KUBECONFIG": cluster.kubeconfig,
        "PYTHON": sys.executable,
        "IMAGE_TOOL": str(IMAGE_TOOL),
        "GATEWAY": GATEWAY,
        "NIVESH_HOME": str(cluster.home),
        "NIVESH_BUNDLE_STORE": cluster.store,
    }
    command = [ROOT / "manifests/kind/install"]
    done = subprocess.run(command, env=os.environ | S3 | environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r" s  (.*): found", done.stdout)
    assert {"Gateway API", "Envoy Gateway", "KServe", "Gateway kserve/kserve-ingress-gateway", "S3"} <= set(found)
    assert len(re.findall(r" s  /predict/[\w-]+ 1\.0\.0: [{\[]", done.stdout)) == len(KEYS)
    assert "training" not in done.stdout
    assert installed(cluster) == before


def installed(cluster: Cluster) -> list[str]:
    """The controllers by their uids, the InferenceServices by uids and versions."""
    deployments = ("deployments", "-o", "jsonpath={.items[*].metadata.uid}")
    services = "jsonpath={range .items[*]}{.metadata.uid} {.spec.predictor.model.storageUri} {end}"
    return [
        *(cluster.kubectl("get", *deployments, namespace=place) for place in ("kserve", "envoy-gateway-system")),
        cluster.kubectl("get", "inferenceservices", "-o", services),
    ]
