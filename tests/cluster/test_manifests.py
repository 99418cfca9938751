"""The cluster's API, CRDs and webhooks accept all manifests."""

import pytest

from nivesh import models
from tests.cluster.conftest import KEYS, ROOT, kubectl

MANIFESTS = ROOT / "manifests"
# rules.yaml is a file of Prometheus, not an object of Kubernetes.
FILES = sorted(
    path for path in MANIFESTS.rglob("*.yaml") if path.parent.name != "template" and path.name != "rules.yaml"
)
FOLDERS = [path.parent for path in FILES if path.name == "kustomization.yaml"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_cluster_accepts_a_kustomization(cluster, folder):
    output = kubectl(cluster.kubeconfig, "apply", "--dry-run=server", "-k", str(folder))
    assert "server dry run" in output
    part = (*folder.relative_to(MANIFESTS).parts, "")[0]
    expected = {"training": 0, "runtimes": 0, "models": 1, "remote": len(set(models.keys()) - set(KEYS))}
    assert output.count("inferenceservice.serving.kserve.io") == expected.get(part, len(KEYS))


@pytest.mark.parametrize(
    "file", [path for path in FILES if path.name != "kustomization.yaml"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_cluster_accepts_a_file(cluster, file):
    assert "server dry run" in kubectl(cluster.kubeconfig, "apply", "--dry-run=server", "-f", str(file))
