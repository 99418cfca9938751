"""The same verbs in Knative mode, where one predictor has revisions."""

import pytest

from nivesh.rollout import decide
from nivesh.rollout.actions import Deploy, Done, Promote, Refused, Rollback, Traffic, Wait
from tests.rollout.controller import run
from tests.rollout.revisions import KnativeController

DEPLOY, ROLLBACK = Deploy("2.0.0", 10), Rollback("too slow")


def test_from_ten_percent_to_stable():
    controller = KnativeController()
    assert run(controller, DEPLOY) == Done("2.0.0 gets 10 % of the requests")
    assert controller.serving() == {"2.0.0": 10, "1.0.0": 90}
    assert run(controller, Traffic(50)) == Done("2.0.0 gets 50 % of the requests")
    assert run(controller, Promote()) == Done("2.0.0 gets all requests; no canary runs")
    assert controller.serving() == {"2.0.0": 100}
    assert "canaryTrafficPercent" not in controller.service["spec"]["predictor"]


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_on_the_way_back_the_bad_version_never_gets_more(percent):
    controller, seen = KnativeController(), []
    run(controller, Deploy("2.0.0", percent))
    assert run(controller, ROLLBACK, each=lambda: seen.append(controller.serving())) == Done(
        "1.0.0 gets all requests; no canary runs"
    )
    assert controller.serving() == {"1.0.0": 100}
    assert max(one.get("2.0.0", 0) for one in seen) <= percent
    assert controller.service["spec"]["predictor"]["model"]["storageUri"] == "s3://models/iris/1.0.0"


@pytest.mark.parametrize("wish", [DEPLOY, Traffic(70), Promote(), ROLLBACK], ids=lambda wish: type(wish).__name__)
def test_interrupted_anywhere_and_called_again(wish):
    for steps in range(1, 30):
        controller = KnativeController()
        if wish != DEPLOY:
            run(controller, DEPLOY)
        ended = isinstance(run(controller, wish, steps), Done)
        controller.tick()
        assert isinstance(run(controller, wish), Done)
        if ended:
            return
    raise AssertionError("never came to an end")


def test_refusals():
    controller = KnativeController()
    assert "serves 1.0.0 already" in decide(controller.observe(), Deploy("1.0.0", 10)).reason
    assert "no canary" in decide(controller.observe(), Traffic(10)).reason
    run(controller, DEPLOY)
    assert "a rollout of 2.0.0 runs at 10 %" in decide(controller.observe(), Deploy("3.0.0", 10)).reason
    assert "has 10 % already" in decide(controller.observe(), Deploy("2.0.0", 20)).reason


def test_a_broken_canary_gets_nothing_and_is_rolled_back():
    controller = KnativeController(broken=("2.0.0",))
    assert isinstance(run(controller, DEPLOY), Wait)
    assert controller.serving() == {"1.0.0": 100}
    assert isinstance(run(controller, Promote()), Wait)
    assert isinstance(run(controller, ROLLBACK), Done)
    assert controller.serving() == {"1.0.0": 100}


def test_a_canary_by_kubectl_apply_is_taken_out_of_the_traffic():
    controller = KnativeController()
    controller.patch(
        {"spec": {"predictor": {"canaryTrafficPercent": 20, "model": {"storageUri": "s3://models/iris/2.0.0"}}}}
    )
    for _ in range(5):
        controller.tick()
    assert run(controller, ROLLBACK) == Done("2.0.0 gets no requests; put the stable storageUri back into its manifest")
    assert controller.serving() == {"1.0.0": 100}
    assert isinstance(run(controller, Traffic(20)), Done)
    assert not isinstance(decide(controller.observe(), Promote()), Refused)
