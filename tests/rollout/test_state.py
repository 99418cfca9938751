"""The state from Kubernetes' JSON, in the shapes that a cluster gave."""

import pytest

from nivesh.rollout.actions import Done, Refused
from nivesh.rollout.commands import Deploy, Promote, Rollback, SetTraffic
from nivesh.rollout.decisions import next_action
from nivesh.rollout.state import History, parse_state, version_of
from tests.rollout.controller import START, inference_service

NAME = "iris-predictor"
LABELS = {"app": f"isvc.{NAME}"}


def deployment(wanted=1, generation=1, **status):
    spec = {"replicas": wanted, "selector": {"matchLabels": LABELS}}
    return {"metadata": {"name": NAME, "generation": generation}, "spec": spec, "status": status}


def pod(*containers, init=(), conditions=(), **metadata):
    status = {
        "containerStatuses": list(containers),
        "initContainerStatuses": list(init),
        "conditions": list(conditions),
    }
    return {"metadata": {"name": "p", "labels": LABELS | {"pod-template-hash": "x"}, **metadata}, "status": status}


def container(name="kserve-container", ready=False, **state):
    return {"name": name, "ready": ready, **state}


def state(*pods, route=None, deployments=None, **service):
    return parse_state(inference_service() | service, route, deployments or [deployment()], pods, START)


@pytest.mark.parametrize(
    ("found", "problem", "unrecoverable"),
    [
        (pod(container(ready=True, state={"running": {}})), "", False),
        (pod(container(state={"waiting": {"reason": "ContainerCreating"}})), "", False),
        (pod(container(state={"waiting": {"reason": "PodInitializing"}})), "", False),
        (
            pod(container(state={"waiting": {"reason": "ImagePullBackOff", "message": "not there"}})),
            "ImagePullBackOff: not there",
            True,
        ),
        (
            pod(
                container(
                    state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                    lastState={"terminated": {"exitCode": 1, "message": "Traceback\nBundleError: changed\n\n"}},
                )
            ),
            "CrashLoopBackOff: BundleError: changed",
            True,
        ),
        (pod(container(state={"terminated": {"exitCode": 1, "message": "oh"}})), "exit code 1: oh", False),
        (pod(container(state={"terminated": {"exitCode": 137}})), "exit code 137", False),
        (
            pod(
                container(state={"waiting": {"reason": "PodInitializing"}}),
                init=[container("storage-initializer", state={"waiting": {"reason": "CrashLoopBackOff"}})],
            ),
            "CrashLoopBackOff",
            True,
        ),
        (
            pod(
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}]
            ),
            "Unschedulable: no cpu",
            False,
        ),
        (
            pod(container(state={"terminated": {"exitCode": 1}}), deletionTimestamp="2026-01-01T00:00:00Z"),
            "",
            False,
        ),
    ],
)
def test_the_problem_of_a_pod(found, problem, unrecoverable):
    (parsed,) = state(found).stable.pods
    assert (parsed.problem, parsed.unrecoverable) == (problem, unrecoverable)


def test_pods_belong_to_the_deployment_whose_selector_they_match():
    stranger = pod()
    stranger["metadata"]["labels"] = {"app": "isvc.iris-v2-predictor"}
    assert len(state(pod(), stranger).stable.pods) == 1


@pytest.mark.parametrize(
    ("found", "complete"),
    [
        (deployment(1, observedGeneration=1, replicas=1, updatedReplicas=1, availableReplicas=1), True),
        (deployment(2, observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=1), False),
        (deployment(1, 2, observedGeneration=1, replicas=1, updatedReplicas=1, availableReplicas=1), False),
        (deployment(1, observedGeneration=1, replicas=2, updatedReplicas=0, availableReplicas=1), False),
        (deployment(1), False),
    ],
)
def test_a_deployment_is_complete_when_its_newest_spec_is_available(found, complete):
    assert state(deployments=[found]).stable.ready is complete


def http_route(*rules, accepted=1, status="True", generation=1, written="2025-12-31T23:59:50Z"):
    return {
        "metadata": {"generation": generation, "managedFields": [{"time": written}, {"operation": "Apply"}]},
        "spec": {"rules": [{"backendRefs": [{"name": n, "weight": w} for n, w in rule.items()]} for rule in rules]},
        "status": {
            "parents": [{"conditions": [{"type": "Accepted", "status": status, "observedGeneration": accepted}]}]
        },
    }


def test_the_route_of_a_service_without_canary_has_weight_one():
    route = state(route=http_route({NAME: 1})).route
    assert (route.weights, route.accepted, route.age) == ({NAME: 100}, True, 10.0)


@pytest.mark.parametrize(
    "route",
    [
        http_route({NAME: 90, "c": 10}, generation=2),
        http_route({NAME: 90, "c": 10}, status="False"),
        http_route({NAME: 90, "c": 10}, {NAME: 100}),
        http_route({NAME: 90, "c": 10}) | {"status": {}},
    ],
    ids=["older", "refused", "rules differ", "no status"],
)
def test_routes_that_are_not_in_force(route):
    assert not state(route=route).route.accepted


@pytest.mark.parametrize(
    ("service", "standard"),
    [
        ({"status": {"deploymentMode": "Standard"}}, True),
        ({"status": {"deploymentMode": "RawDeployment"}}, True),
        ({"status": {"deploymentMode": "Knative"}}, False),
        ({"status": {"deploymentMode": "Serverless"}}, False),
        ({"metadata": {"name": "iris", "annotations": {"serving.kserve.io/deploymentMode": "Knative"}}}, False),
        ({}, True),
    ],
)
def test_only_standard_mode_has_canaries(service, standard):
    found = state(**service)
    assert found.standard is standard
    refused = isinstance(next_action(found, Deploy("2.0.0", 10)), Refused)
    assert refused is not standard


def test_the_version_is_the_last_part_of_the_address():
    assert version_of({"model": {"storageUri": "s3://models/iris/1.2.0/"}}) == "1.2.0"
    assert version_of({"containers": []}) == ""


def test_a_history_of_another_version_than_the_predictors_keeps_only_what_was_undone():
    written = History("2.0.0", replaces="1.0.0", undone={"1.5.0": "slow"})
    predictor = {"annotations": written.annotation(), "model": {"storageUri": "s3://models/iris/2.0.0"}}
    assert History.of(predictor) == written
    by_manifest = predictor | {"model": {"storageUri": "s3://models/iris/3.0.0"}}
    assert History.of(by_manifest) == History(undone={"1.5.0": "slow"})
    assert History.of({"model": {}}) == History()


ENTRY = {"trafficPercent": 5, "predictor": {"name": "x", "model": {"storageUri": "s3://models/iris/2.0.0"}}}


@pytest.mark.parametrize(
    ("spec", "command", "reason"),
    [
        ({"predictor": {"containers": [{}]}}, Deploy("2.0.0", 10), "no predictor.model"),
        ({}, Deploy("1.0.0", 10), "serves 1.0.0 already"),
        ({}, Deploy("2.0.0", 101), "is not possible"),
        ({}, SetTraffic(10), "has no canary"),
        ({"canary": [ENTRY, ENTRY]}, Promote(), "several canaries"),
        ({"canary": [ENTRY]}, Deploy("3.0.0", 10), "a rollout of 2.0.0 runs at 5 %"),
        ({"canary": [ENTRY]}, Deploy("2.0.0", 10), "has 5 % already"),
    ],
)
def test_refusals(spec, command, reason):
    action = next_action(state(spec=inference_service()["spec"] | spec), command)
    assert isinstance(action, Refused) and reason in action.reason


def test_without_a_canary_there_is_nothing_to_end():
    full = deployment(2, observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=2)
    idle = state(route=http_route({NAME: 1}), deployments=[full])
    assert next_action(idle, Promote()) == Done("1.0.0 gets all requests; no canary runs")
    refused = next_action(idle, Rollback("bad"))
    assert isinstance(refused, Refused) and "no canary" in refused.reason and "nivesh undo KEY" in refused.reason
