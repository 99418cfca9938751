"""Facts from Kubernetes' JSON, in the shapes that a cluster gave."""

import pytest

from nivesh.rollout import decide
from nivesh.rollout.actions import Deploy, Done, Promote, Refused, Rollback, Traffic
from nivesh.rollout.observed import KNATIVE, STANDARD, mode_of, observe, version_of
from nivesh.rollout.standard import canary_name, merged
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


def seen(*pods, route=None, deployments=None, **service):
    return observe(inference_service() | service, route, deployments or [deployment()], pods, START)


@pytest.mark.parametrize(
    ("found", "problem", "hopeless"),
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
def test_what_is_wrong_with_a_pod(found, problem, hopeless):
    (one,) = seen(found).stable.pods
    assert (one.problem, one.hopeless) == (problem, hopeless)


def test_pods_belong_to_the_deployment_whose_selector_they_match():
    stranger = pod()
    stranger["metadata"]["labels"] = {"app": "isvc.iris-v2-predictor"}
    assert len(seen(pod(), stranger).stable.pods) == 1


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
    assert seen(deployments=[found]).stable.complete is complete


def http_route(*rules, accepted=1, status="True", generation=1, written="2025-12-31T23:59:50Z"):
    return {
        "metadata": {"generation": generation, "managedFields": [{"time": written}, {"operation": "Apply"}]},
        "spec": {"rules": [{"backendRefs": [{"name": n, "weight": w} for n, w in rule.items()]} for rule in rules]},
        "status": {
            "parents": [{"conditions": [{"type": "Accepted", "status": status, "observedGeneration": accepted}]}]
        },
    }


def test_the_route_of_a_service_without_canary_has_weight_one():
    route = seen(route=http_route({NAME: 1})).route
    assert (route.weights, route.settled, route.age) == ({NAME: 100}, True, 10.0)


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
    assert not seen(route=route).route.settled


@pytest.mark.parametrize(
    ("service", "mode"),
    [
        ({"status": {"deploymentMode": "Knative"}}, KNATIVE),
        ({"status": {"deploymentMode": "Serverless"}}, KNATIVE),
        ({"status": {"deploymentMode": "RawDeployment"}}, STANDARD),
        ({"metadata": {"annotations": {"serving.kserve.io/deploymentMode": "Knative"}}}, KNATIVE),
        ({}, STANDARD),
    ],
)
def test_the_mode(service, mode):
    assert mode_of(inference_service() | {"metadata": {}} | service) == mode


def test_versions_names_and_merging():
    assert version_of({"model": {"storageUri": "s3://models/iris/1.2.0/"}}) == "1.2.0"
    assert version_of({"containers": []}) == ""
    assert [canary_name(one) for one in ("1.2.0", "v1.2.0", "2.0.0-RC1", "7")] == [
        "v1-2-0",
        "v1-2-0",
        "v2-0-0-rc1",
        "v7",
    ]
    stable = {"a": {"x": 1, "y": 2}, "list": [1, 2], "kept": True}
    assert merged(stable, {"a": {"y": 3}, "list": [9]}) == {"a": {"x": 1, "y": 3}, "list": [9], "kept": True}


ENTRY = {"trafficPercent": 5, "predictor": {"name": "x", "model": {"storageUri": "s3://models/iris/2.0.0"}}}


@pytest.mark.parametrize(
    ("spec", "wish", "reason"),
    [
        ({"predictor": {"containers": [{}]}}, Deploy("2.0.0", 10), "no predictor.model"),
        ({}, Deploy("1.0.0", 10), "serves 1.0.0 already"),
        ({}, Deploy("2.0.0", 101), "cannot be given"),
        ({}, Traffic(10), "has no canary"),
        ({"canary": [ENTRY, ENTRY]}, Promote(), "several canaries"),
        ({"canary": [ENTRY]}, Deploy("3.0.0", 10), "a rollout of 2.0.0 runs at 5 %"),
        ({"canary": [ENTRY]}, Deploy("2.0.0", 10), "has 5 % already"),
    ],
)
def test_refusals(spec, wish, reason):
    action = decide(seen(spec=inference_service()["spec"] | spec), wish)
    assert isinstance(action, Refused) and reason in action.reason


def test_without_a_canary_there_is_nothing_to_end():
    full = deployment(2, observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=2)
    quiet = seen(route=http_route({NAME: 1}), deployments=[full])
    assert decide(quiet, Promote()) == decide(quiet, Rollback("")) == Done("1.0.0 gets all requests; no canary runs")
