"""manifests/kind/install on a cluster that has all parts: it leaves them alone, and every model answers."""

import os
import re
import subprocess
import sys

from tests.cluster.conftest import GATEWAY, IMAGE_TOOL, KEYS, ROOT, S3, Cluster


def test_what_is_installed_is_found_and_every_model_answers(cluster: Cluster):
    """Its models, features and images are those of the other tests here, so that nothing is trained or replaced."""
    pods = {name: {pod["metadata"]["uid"] for pod in cluster.pods(name)} for name in names()}
    parts = ("deployments", "-o", "jsonpath={.items[*].metadata.uid}")
    before = [cluster.kubectl("get", *parts, namespace=place) for place in ("kserve", "envoy-gateway-system")]
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
    assert len(re.findall(r" s  /predict/[\w-]+ 1\.0\.0: \{", done.stdout)) == len(KEYS)
    after = [cluster.kubectl("get", *parts, namespace=place) for place in ("kserve", "envoy-gateway-system")]
    assert after == before
    assert {name: {pod["metadata"]["uid"] for pod in cluster.pods(name)} for name in names()} == pods


def names() -> list[str]:
    return [key.replace("_", "-") for key in KEYS]
