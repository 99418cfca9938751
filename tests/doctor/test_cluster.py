from dataclasses import replace

import yaml

from nivesh.doctor import cluster
from nivesh.doctor.finding import Status
from nivesh.rollout.state import Canary, Pod, RolloutState, Route, Workload
from tests.conformance.conftest import free_port
from tests.doctor.http_server import answering

READY = RolloutState(
    name="credit-risk",
    standard=True,
    reconciled=True,
    predictor={"model": {"storageUri": "s3://models/credit_risk/1.0.0"}},
    workloads={"credit-risk-predictor": Workload(2, 2, True)},
    conditions={"Ready": "True"},
)
CANARY = Canary("v1-1-0", 10, 1, "1.1.0", {}, {})


def with_canary(weight: int, problem: str = "") -> RolloutState:
    workload = Workload(1, 0 if problem else 1, True, (Pod("credit-risk-v1-1-0-x", problem),))
    weights = {"credit-risk-predictor": 100 - weight, "credit-risk-v1-1-0-predictor": weight}
    workloads = {**READY.workloads, "credit-risk-v1-1-0-predictor": workload}
    return replace(READY, canaries=[CANARY], workloads=workloads, route=Route(weights, True, 60))


def test_without_a_cluster():
    assert cluster.kubernetes()[0].status is Status.NOT_CONFIGURED
    assert cluster.pipelines()[0].status is Status.NOT_CONFIGURED


def test_a_kubeconfig_that_is_not_there_and_one_whose_cluster_is_down(monkeypatch, tmp_path):
    file = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(file))
    (finding,) = cluster.kubernetes()
    assert finding.status is Status.FAIL and "KUBECONFIG" in finding.remedy
    document = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    file.write_text(yaml.safe_dump(document))
    (finding,) = cluster.kubernetes()
    assert (
        finding.status is Status.FAIL and "does not answer" in finding.message and "start the cluster" in finding.remedy
    )


def test_a_model_that_is_ready_needs_no_line():
    assert cluster.service(READY) == []


def test_a_broken_pod_and_a_model_that_is_not_ready():
    broken = Workload(
        2, 1, True, (Pod("credit-risk-x", "CrashLoopBackOff: BundleError: model.onnx was changed", True),)
    )
    (finding,) = cluster.service(replace(READY, workloads={"credit-risk-predictor": broken}, conditions={}))
    assert finding.status is Status.FAIL and "model.onnx was changed" in finding.message
    assert finding.remedy == "kubectl describe pod credit-risk-x"
    (finding,) = cluster.service(replace(READY, conditions={"Ready": "False"}))
    assert finding.status is Status.FAIL and "2 of 2 replicas" in finding.message and "describe isvc" in finding.remedy


def test_a_route_that_the_gateway_does_not_accept():
    (finding,) = cluster.service(replace(READY, route=Route({}, False, 60)))
    assert finding.status is Status.FAIL and finding.remedy == "kubectl describe httproute credit-risk"


def test_a_canary_in_its_place_out_of_it_and_broken():
    (finding,) = cluster.service(with_canary(10))
    assert finding.status is Status.OK and "canary 1.1.0 gets 10 % of the requests" in finding.message
    (finding,) = cluster.service(with_canary(0))
    assert finding.status is Status.WARN and finding.remedy.startswith("nivesh traffic credit_risk 10")
    (finding,) = cluster.service(with_canary(0, "ImagePullBackOff"))
    assert finding.status is Status.FAIL and finding.remedy.startswith("nivesh rollback credit_risk --reason")


def test_a_gateway_at_work_and_one_without_an_address():
    accepted = {"type": "Accepted", "status": "True"}
    finding = cluster.programmed("kserve/gateway", [accepted, {"type": "Programmed", "status": "True"}])
    assert (finding.status, finding.message) == (Status.OK, "kserve/gateway")
    waiting = {"type": "Programmed", "status": "False", "message": "No addresses have been assigned"}
    finding = cluster.programmed("kserve/gateway", [accepted, waiting])
    assert finding.status is Status.FAIL and "not Programmed: No addresses" in finding.message
    assert "describe gateway" in finding.remedy
    assert "no controller has seen it" in cluster.programmed("kserve/gateway", []).message


def test_kubeflow_pipelines(monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    (finding,) = cluster.pipelines()
    assert finding.status is Status.FAIL and "port-forward service/ml-pipeline" in finding.remedy
    for status, expected in ((200, Status.OK), (503, Status.FAIL)):
        with answering({"/apis/v2beta1/healthz": (status, {})}) as url:
            monkeypatch.setenv("KF_PIPELINES_ENDPOINT", url)
            assert cluster.pipelines()[0].status is expected
