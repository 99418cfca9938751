"""``nivesh doctor`` on the cluster: what runs is found, and what is broken is named with the command that mends it."""

import json
import os
import shutil
import subprocess

from nivesh.doctor import cluster as checks
from nivesh.doctor import storage
from nivesh.doctor.finding import Status
from tests.cluster.conftest import KEYS, Cluster


def test_a_cluster_that_is_well_and_a_pod_that_is_not(cluster: Cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)
    found = {one.part: one for one in checks.kubernetes()}
    assert found["Kubernetes"].status is found["gateway"].status is found["KServe"].status is Status.OK, found
    assert found["KServe"].message == f"{len(KEYS)} of {len(KEYS)} InferenceServices of namespace nivesh are ready"
    assert storage.bundles()[0].status is Status.OK

    broken = cluster.release("credit_risk", "9.9.9").replace("9.9.9", "9.9.8")  # nothing was published there
    canary = {"name": "v9-9-8", "model": {"storageUri": broken}, "minReplicas": 1}
    patch = json.dumps({"spec": {"canary": [{"trafficPercent": 0, "predictor": canary}]}})
    try:
        cluster.kubectl("patch", "isvc", "credit-risk", "--type=merge", "-p", patch)
        sick = cluster.until("the canary's pod to fail", lambda: failing(checks.kubernetes()))
    finally:
        cluster.kubectl("patch", "isvc", "credit-risk", "--type=merge", "-p", '{"spec": {"canary": null}}')
    assert "canary 9.9.8" in sick.message and sick.remedy.startswith("nivesh rollback credit_risk")


def test_a_user_without_rights(cluster: Cluster, monkeypatch, tmp_path):
    """A ServiceAccount that may read nothing: the refusal is a finding, not a traceback."""
    token = cluster.kubectl("create", "token", "default", "--duration=10m").strip()
    config = tmp_path / "kubeconfig"
    shutil.copy(cluster.kubeconfig, config)
    base = ["kubectl", "--kubeconfig", str(config), "config"]
    environment = os.environ | {"KUBECONFIG": str(config)}
    subprocess.run([*base, "set-credentials", "nobody", f"--token={token}"], check=True, env=environment)
    subprocess.run([*base, "set-context", "--current", "--user=nobody"], check=True, env=environment)
    monkeypatch.setenv("KUBECONFIG", str(config))
    (finding,) = [one for one in checks.kubernetes() if one.status is Status.FAIL]
    assert finding.part == "KServe" and "cannot list" in finding.message and "auth can-i" in finding.remedy


def failing(findings: list):
    return next((one for one in findings if one.part == "credit_risk" and one.status is Status.FAIL), None)
