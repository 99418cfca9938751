"""Going back after a promotion, on the simulated controller that fails the test when a request could be lost."""

import pytest

from nivesh.rollout.actions import Done, Refused
from nivesh.rollout.commands import Deploy, Promote, Rollback, Undo
from nivesh.rollout.decisions import next_action
from tests.rollout.controller import Controller, inference_service, run

UNDO = Undo("complaints")


def promoted(*versions) -> Controller:
    """1.0.0 was stable, then each of these versions."""
    controller = Controller(inference_service())
    for version in versions:
        assert isinstance(run(controller, Deploy(version, 20)), Done)
        assert isinstance(run(controller, Promote()), Done)
    return controller


def test_the_version_before_serves_again():
    controller = promoted("2.0.0")
    assert run(controller, UNDO) == Done("1.0.0 gets all requests; no canary runs")
    controller.settle()
    assert controller.in_force == {"iris-v1-0-0-predictor": 100}
    predictor = controller.service["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == "s3://models/iris/1.0.0"
    assert predictor["minReplicas"] == 2


def test_of_three_versions_any_may_be_named():
    controller = promoted("2.0.0", "3.0.0")
    assert isinstance(run(controller, Undo("complaints", to="1.0.0")), Done)
    assert controller.state().version == "1.0.0"


def test_repeated_it_does_not_go_further_back():
    controller = promoted("2.0.0", "3.0.0")
    for _ in range(3):
        assert isinstance(run(controller, UNDO), Done)
        assert controller.state().version == "2.0.0"
    assert isinstance(run(controller, Undo("this one too", to="1.0.0")), Done)
    assert controller.state().version == "1.0.0"
    assert controller.state().history.undone == {"3.0.0": "complaints", "2.0.0": "this one too"}


@pytest.mark.parametrize("pause", [0, 1, 7, 40])
def test_interrupted_anywhere_and_called_again(pause):
    for steps in range(1, 60):
        controller = promoted("2.0.0")
        completed = isinstance(run(controller, UNDO, steps), Done)
        controller.settle(pause)
        assert isinstance(run(controller, UNDO), Done), f"interrupted after {steps} decisions"
        assert controller.state().version == "1.0.0"
        assert controller.service["spec"]["predictor"]["minReplicas"] == 2
        if completed:
            return
    raise AssertionError("never came to an end")


def test_an_undone_version_is_deployed_again_only_by_force():
    controller = promoted("2.0.0")
    run(controller, UNDO)
    refused = next_action(controller.state(), Deploy("2.0.0", 10))
    assert isinstance(refused, Refused) and "2.0.0 was undone (complaints)" in refused.reason
    assert "--force" in refused.reason
    assert isinstance(run(controller, Deploy("2.1.0", 10)), Done)
    assert isinstance(run(controller, Promote()), Done)
    assert isinstance(next_action(controller.state(), Deploy("2.0.0", 10)), Refused), "not forgotten by a promotion"
    assert isinstance(run(controller, Deploy("2.0.0", 10, force=True)), Done)
    assert isinstance(run(controller, Promote()), Done)
    assert controller.state().history.undone == {}


def test_an_undo_whose_version_does_not_start_is_rolled_back_like_any_canary():
    controller = promoted("2.0.0")
    controller.broken = ("1.0.0",)
    run(controller, UNDO)
    assert controller.in_force == {"iris-v2-0-0-predictor": 100}
    assert isinstance(run(controller, Rollback("its bundle is gone", "1.0.0")), Done)
    assert controller.state().version == "2.0.0"
    assert controller.state().history.undone == {}


@pytest.mark.parametrize("steps", range(1, 12))
def test_refused_while_a_rollout_runs(steps):
    controller = promoted("2.0.0")
    run(controller, Deploy("3.0.0", 10), steps)
    refused = next_action(controller.state(), UNDO)
    assert isinstance(refused, Refused) and "a rollout of 3.0.0 runs" in refused.reason
    assert "nivesh rollback KEY" in refused.reason


def test_refused_where_nothing_was_replaced():
    refused = next_action(Controller(inference_service()).state(), UNDO)
    assert isinstance(refused, Refused) and "--to VERSION" in refused.reason


def test_after_a_manifest_has_changed_the_version_the_predecessor_is_not_guessed():
    controller = promoted("2.0.0")
    controller.service["spec"]["predictor"]["model"]["storageUri"] = "s3://models/iris/5.0.0"
    refused = next_action(controller.state(), UNDO)
    assert isinstance(refused, Refused) and "what 5.0.0 replaced" in refused.reason


@pytest.mark.parametrize("version", [".", "../1.0.0", "1.0/0"])
def test_what_is_not_a_version_is_refused(version):
    refused = next_action(promoted("2.0.0").state(), Undo("complaints", to=version))
    assert isinstance(refused, Refused) and "is not a version" in refused.reason
