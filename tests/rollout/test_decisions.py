"""Whole rollouts on a simulated controller that fails the test when a request could be lost, interrupted anywhere."""

import pytest

from nivesh.rollout.actions import Done, Failed, Patch, Refused, Wait
from nivesh.rollout.commands import Deploy, Promote, Rollback, SetTraffic
from nivesh.rollout.decisions import next_action
from nivesh.rollout.state import SAVED
from tests.rollout.controller import Controller, inference_service, run

DEPLOY, ROLLBACK = Deploy("2.0.0", 10), Rollback("too slow", "2.0.0")
CANARY = "iris-v2-0-0-predictor"


@pytest.fixture
def controller():
    return Controller(inference_service())


def weights(controller):
    controller.settle()
    return controller.in_force


def started(percent=10):
    controller = Controller(inference_service())
    assert isinstance(run(controller, Deploy("2.0.0", percent)), Done)
    return controller


def test_from_ten_percent_to_stable(controller):
    assert run(controller, DEPLOY) == Done("2.0.0 gets 10 % of the requests, 1.0.0 gets 90 %")
    assert weights(controller) == {"iris-predictor": 90, CANARY: 10}
    assert run(controller, SetTraffic(50)) == Done("2.0.0 gets 50 % of the requests, 1.0.0 gets 50 %")
    assert weights(controller) == {"iris-predictor": 50, CANARY: 50}
    assert run(controller, Promote()) == Done("2.0.0 gets all requests; no canary runs")
    assert weights(controller) == {CANARY: 100}
    assert controller.deployments.keys() == {CANARY}
    assert controller.deployments[CANARY]["replicas"] == 2
    predictor = controller.service["spec"]["predictor"]
    assert (predictor["name"], predictor["minReplicas"]) == ("v2-0-0", 2)
    assert predictor["model"]["storageUri"] == "s3://models/iris/2.0.0"
    assert predictor["serviceAccountName"] == "reader"


def test_one_rollout_after_the_other(controller):
    for version in ("2.0.0", "2.1.0", "3.0.0"):
        assert isinstance(run(controller, Deploy(version, 20)), Done)
        assert isinstance(run(controller, Promote()), Done)
    assert controller.state().version == "3.0.0"
    assert controller.service["spec"]["predictor"]["minReplicas"] == 2


@pytest.mark.parametrize("percent", [0, 1, 10, 33, 50, 99, 100])
def test_rollback_restores_what_was(controller, percent):
    before = controller.service["spec"]
    assert isinstance(run(controller, Deploy("2.0.0", percent)), Done)
    assert run(controller, Rollback("too slow", "2.0.0")) == Done("1.0.0 gets all requests")
    assert controller.service["spec"] == before
    assert weights(controller) == {"iris-predictor": 100}


def test_stable_keeps_its_replicas_and_its_limit():
    controller = Controller(inference_service(replicas=2, maxReplicas=2))
    for command in (DEPLOY, SetTraffic(100)):
        run(controller, command)
        assert controller.deployments["iris-predictor"]["replicas"] == 2
    assert controller.deployments[CANARY]["replicas"] == 2
    run(controller, Promote())
    predictor = controller.service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 2)


@pytest.mark.parametrize("down", [50, 10, 0])
def test_traffic_goes_down_without_the_loss_of_replicas(down):
    controller = started(100)
    assert isinstance(run(controller, SetTraffic(down)), Done)
    assert weights(controller)[CANARY] == down
    assert controller.deployments[CANARY]["replicas"] == 2


def test_what_the_autoscaler_gave_stable_the_promoted_version_has_too():
    controller = Controller(inference_service(replicas=1, maxReplicas=4), size=1)
    controller.scaled = 3
    controller.settle()
    controller.size = 3
    for command in (Deploy("2.0.0", 10), SetTraffic(50), Promote()):
        assert isinstance(run(controller, command), Done)
    predictor = controller.service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 4)


def test_a_manifest_puts_the_old_bundle_back_and_the_version_is_deployed_again(controller):
    run(controller, DEPLOY)
    run(controller, Promote())
    controller.service["spec"]["predictor"]["model"]["storageUri"] = "s3://models/iris/1.0.0"
    again = Controller(controller.service)  # the pods have been replaced
    for version, name in (("2.0.0", "v2-0-0-again"), ("1.0.0", "v1-0-0"), ("2.0.0", "v2-0-0")):
        assert isinstance(run(again, Deploy(version, 20)), Done)
        assert isinstance(run(again, Promote()), Done)
        assert again.service["spec"]["predictor"]["name"] == name


@pytest.mark.parametrize("version", ["", ".", "../1.0.0", "1.0/0", "1.0.0 ", "1.0.0?", "x" * 64])
def test_what_is_no_version_is_refused(controller, version):
    action = next_action(controller.state(), Deploy(version, 10))
    assert isinstance(action, Refused) and "is not a version" in action.reason


def test_a_release_candidate_is_a_version(controller):
    assert isinstance(run(controller, Deploy("v1.2.3-rc.1", 10)), Done)
    assert "iris-v1-2-3-rc-1-predictor" in controller.deployments


# --- interruptions ---------------------------------------------------------------------------------------------------

STORIES = {
    "deploy": ([], DEPLOY),
    "raise": ([DEPLOY], SetTraffic(50)),
    "lower": ([Deploy("2.0.0", 50)], SetTraffic(10)),
    "promote": ([DEPLOY], Promote()),
    "rollback": ([Deploy("2.0.0", 50)], ROLLBACK),
}
PAUSES = [0, 1, 7, 40]


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("story", STORIES)
def test_interrupted_anywhere_and_called_again(story, pause):
    before, command = STORIES[story]
    for steps in range(1, 40):
        controller = Controller(inference_service())
        for earlier in before:
            run(controller, earlier)
        ended = isinstance(run(controller, command, steps), Done)
        controller.settle(pause)
        assert isinstance(run(controller, command), Done), f"interrupted after {steps} decisions"
        if ended:
            return
    raise AssertionError("never came to an end")


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("story", ["deploy", "raise", "lower", "promote"])
def test_interrupted_anywhere_and_rolled_back(story, pause):
    before, command = STORIES[story]
    for steps in range(1, 40):
        controller = Controller(inference_service())
        for earlier in before:
            run(controller, earlier)
        ended = isinstance(run(controller, command, steps), Done)
        controller.settle(pause)
        promoted = controller.state().canary is None and controller.state().version == "2.0.0"
        last = run(controller, ROLLBACK)
        assert isinstance(last, Refused if promoted else Done)
        assert controller.state().version == ("2.0.0" if promoted else "1.0.0")
        assert controller.service["spec"]["predictor"]["minReplicas"] == 2
        if ended:
            return


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_second_rollout_is_refused_while_one_runs(controller, steps):
    run(controller, DEPLOY, steps)
    action = next_action(controller.state(), Deploy("3.0.0", 10))
    assert isinstance(action, Refused) and "a rollout of 2.0.0 runs" in action.reason


def test_completed_commands_repeated_change_nothing():
    controller = started()
    generation = controller.service["metadata"]["generation"]
    assert isinstance(run(controller, DEPLOY), Done)
    assert isinstance(run(controller, SetTraffic(10)), Done)
    assert controller.service["metadata"]["generation"] == generation
    run(controller, Promote())
    generation = controller.service["metadata"]["generation"]
    assert isinstance(run(controller, Promote()), Done)
    assert isinstance(run(controller, ROLLBACK), Refused)
    assert controller.service["metadata"]["generation"] == generation


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_broken_canary_leaves_stable_alone():
    controller = Controller(inference_service(), broken=("2.0.0",))
    failed = run(controller, DEPLOY)
    assert isinstance(failed, Failed)
    assert failed.reason == (
        f"canary 2.0.0 does not start, pod {CANARY}-x: CrashLoopBackOff: BundleError: model.onnx was changed"
    )
    assert weights(controller) == {"iris-predictor": 100}
    assert isinstance(run(controller, Promote()), Failed)
    assert isinstance(run(controller, ROLLBACK), Done)
    assert controller.deployments.keys() == {"iris-predictor"}


def test_a_canary_that_loses_its_pod_is_waited_for():
    controller = started(50)
    controller.deployments[CANARY]["available"] = 0
    controller.in_force = {"iris-predictor": 100}  # the gateway knows which endpoints are ready
    assert isinstance(next_action(controller.state(), SetTraffic(50)), Wait)
    assert isinstance(run(controller, SetTraffic(50)), Done)


# --- canaries of a user's own manifest -------------------------------------------------------------------------------


def by_manifest(**predictor):
    controller = Controller(inference_service(), size=1)  # the controller takes the canary's replicas off stable's
    model = {"modelFormat": {"name": "nivesh"}, "storageUri": "s3://models/iris/2.0.0", "env": [{"a": 1}]}
    entry = {"trafficPercent": 50, "predictor": {"name": "own", "model": model, **predictor}}
    controller.patch({"spec": {"canary": [entry]}})
    controller.settle()
    return controller


@pytest.mark.parametrize("predictor", [{}, {"minReplicas": 1}], ids=["share", "replicas"])
@pytest.mark.parametrize("command", [Promote(), ROLLBACK], ids=["promote", "rollback"])
def test_a_canary_by_kubectl_apply_ends_like_any_other(predictor, command):
    controller = by_manifest(**predictor)
    assert controller.in_force == {"iris-predictor": 50, "iris-own-predictor": 50}
    assert isinstance(run(controller, command), Done)
    controller.settle()
    assert controller.service["spec"]["predictor"]["minReplicas"] == 2
    assert [one["replicas"] for one in controller.deployments.values()] == [2]


def test_the_pods_of_a_foreign_canary_get_no_annotation():
    controller = by_manifest()
    action = next_action(controller.state(), SetTraffic(100))
    assert isinstance(action, Patch)
    assert SAVED["minReplicas"] not in str(action.body)
