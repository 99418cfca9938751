"""Every manifest is one that the cluster's API, CRDs and webhooks take."""

import pytest

from nivesh import models
from tests.cluster.conftest import KEYS, ROOT, kubectl

FOLDERS = sorted(path.parent for path in (ROOT / "manifests").rglob("kustomization.yaml"))
FILES = sorted(path for path in (ROOT / "manifests").rglob("*.yaml") if path.name != "kustomization.yaml")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_cluster_takes_an_overlay(cluster, folder):
    said = kubectl(cluster.kubeconfig, "apply", "--dry-run=server", "-k", str(folder))
    assert "server dry run" in said
    part = (*folder.relative_to(ROOT / "manifests").parts, "")[0]
    expected = {"training": [], "remote": set(models.keys()) - set(KEYS)}.get(part, KEYS)
    assert said.count("inferenceservice.serving.kserve.io") == len(expected)


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_cluster_takes_one_file(cluster, file):
    assert "server dry run" in kubectl(cluster.kubeconfig, "apply", "--dry-run=server", "-f", str(file))
