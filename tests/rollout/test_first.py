"""The first version on a cluster: stable at once, and only where nothing is served."""

from dataclasses import replace

from nivesh.rollout import decide
from nivesh.rollout.actions import Done, Patch, Refused, Start, Wait
from tests.rollout.controller import Controller, inference_service, merge

WISH = Start("1.0.0", "s3://models/run/iris/1.0.0")


def waiting(controller: Controller):
    """As KServe shows a model whose bundle is not there."""
    return replace(controller.observe(), conditions={"Ready": "False"})


def test_it_becomes_stable_by_one_patch_that_starts_new_pods():
    service = inference_service()
    patch = decide(waiting(Controller(service)), WISH)
    assert isinstance(patch, Patch)
    predictor = merge(service["spec"], patch.body["spec"])["predictor"]
    assert predictor["model"]["storageUri"] == WISH.uri
    assert predictor["annotations"]["rollout.nivesh.io/first"] == "1.0.0"
    service["spec"]["predictor"] = predictor
    assert isinstance(decide(waiting(Controller(service)), WISH), Wait)
    ready = replace(Controller(service).observe(), conditions={"Ready": "True"})
    assert isinstance(decide(ready, WISH), Done)


def test_a_bundle_that_the_pods_have_waited_for_may_have_come_by_itself():
    ready = replace(Controller(inference_service()).observe(), conditions={"Ready": "True"})
    assert isinstance(decide(ready, WISH), Done)


def test_not_beside_a_canary():
    from nivesh.rollout.actions import Deploy
    from tests.rollout.controller import run

    controller = Controller(inference_service())
    run(controller, Deploy("2.0.0", 10))
    assert isinstance(decide(controller.observe(), WISH), Refused)


def test_of_two_trainings_at_once_the_later_one_wins():
    service = inference_service()
    for version in ("1.9.0", "1.10.0"):
        patch = decide(waiting(Controller(service)), Start(version, f"s3://models/run/iris/{version}"))
        assert isinstance(patch, Patch)
        service["spec"]["predictor"] = merge(service["spec"], patch.body["spec"])["predictor"]
    late = decide(waiting(Controller(service)), Start("1.9.0", "s3://models/run/iris/1.9.0"))
    assert isinstance(late, Refused)
    assert "1.10.0, which was registered later than 1.9.0" in late.reason
