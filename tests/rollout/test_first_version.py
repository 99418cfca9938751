"""The first version on a cluster: stable at once, and only where nothing is served."""

from dataclasses import replace

from nivesh.rollout.actions import Done, Patch, Refused, Wait
from nivesh.rollout.commands import Deploy, ServeFirst
from nivesh.rollout.decisions import next_action
from tests.rollout.controller import Controller, inference_service, merge, run

COMMAND = ServeFirst("1.0.0", "s3://models/run/iris/1.0.0")


def waiting(controller: Controller):
    """As KServe shows a model whose bundle is not there."""
    return replace(controller.state(), conditions={"Ready": "False"})


def test_it_becomes_stable_by_one_patch_that_starts_new_pods():
    service = inference_service()
    patch = next_action(waiting(Controller(service)), COMMAND)
    assert isinstance(patch, Patch)
    predictor = merge(service["spec"], patch.body["spec"])["predictor"]
    assert predictor["model"]["storageUri"] == COMMAND.uri
    assert predictor["annotations"]["rollout.nivesh.io/first"] == "1.0.0"
    service["spec"]["predictor"] = predictor
    assert isinstance(next_action(waiting(Controller(service)), COMMAND), Wait)
    ready = replace(Controller(service).state(), conditions={"Ready": "True"})
    assert isinstance(next_action(ready, COMMAND), Done)


def test_a_bundle_that_the_pods_have_waited_for_may_have_come_by_itself():
    ready = replace(Controller(inference_service()).state(), conditions={"Ready": "True"})
    assert isinstance(next_action(ready, COMMAND), Done)


def test_not_beside_a_canary():
    controller = Controller(inference_service())
    run(controller, Deploy("2.0.0", 10))
    assert isinstance(next_action(controller.state(), COMMAND), Refused)


def test_of_two_trainings_at_once_the_later_one_wins():
    service = inference_service()
    for version in ("1.9.0", "1.10.0"):
        patch = next_action(waiting(Controller(service)), ServeFirst(version, f"s3://models/run/iris/{version}"))
        assert isinstance(patch, Patch)
        service["spec"]["predictor"] = merge(service["spec"], patch.body["spec"])["predictor"]
    late = next_action(waiting(Controller(service)), ServeFirst("1.9.0", "s3://models/run/iris/1.9.0"))
    assert isinstance(late, Refused)
    assert "1.10.0, which was registered later than 1.9.0" in late.reason
