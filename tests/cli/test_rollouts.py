"""The rollout commands: their errors without a cluster, and the table of ``nivesh status``."""

import pytest

from nivesh.cli.status import row
from nivesh.rollout.commands import Deploy, SetTraffic
from tests.cli.command import nivesh
from tests.rollout.controller import Controller, inference_service, run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deploy", "credit_risk", "--version", "1.1.0"), "no cluster is configured"),
        (("status",), "no cluster is configured"),
        (("undo", "credit_risk", "--reason", "complaints"), "no cluster is configured"),
        (("promote", "no_such_model"), "there is no model 'no_such_model'; the models are"),
    ],
    ids=lambda value: value[0],
)
def test_what_a_user_can_mend_is_one_clear_line(home, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    answer = nivesh(*arguments)
    assert answer.returncode == 1
    assert message in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


def test_a_model_without_canary():
    assert row(Controller(inference_service()).state()) == ("1.0.0", "–", "–", "–", "2/2", "[yellow]not ready[/]")


def test_requested_and_actual_shares_are_shown_apart():
    controller = Controller(inference_service())
    run(controller, Deploy("2.0.0", 10))
    run(controller, SetTraffic(50), decisions=3)  # the patch is made, the route is not there yet
    controller.weights = {"iris-predictor": 90, "iris-v2-0-0-predictor": 10}
    assert row(controller.state())[:5] == ("1.0.0", "2.0.0", "50 %", "10 %", "2/2 + 1/1")


def test_a_pods_error_is_in_the_table():
    controller = Controller(inference_service(), broken=("2.0.0",))
    run(controller, Deploy("2.0.0", 10))
    assert "CrashLoopBackOff: BundleError: model.onnx was changed" in row(controller.state())[-1]
