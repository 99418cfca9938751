"""What running a command shows, records and raises. The cluster is the simulated one."""

import pytest

from nivesh.errors import ClusterError, ClusterUnavailable, RolloutFailed, RolloutRefused
from nivesh.rollout import execution
from nivesh.rollout.commands import Deploy, Promote, Rollback, SetTraffic
from tests.rollout.controller import Controller, inference_service, run


class Simulated:
    """``nivesh.rollout.cluster.Cluster`` over the simulated controller, which ticks whenever it is read.

    Args:
        conflicts: how many patches meet another client's change.
        drops_patches: as a KServe does that does not know the field.
        outages: after how many reads the API server does not answer, once each.
    """

    def __init__(self, conflicts=0, drops_patches=False, outages=(), **controller):
        self.controller = Controller(inference_service(), **controller)
        self.conflicts, self.drops_patches, self.events = conflicts, drops_patches, []
        self.outages, self.reads = outages, 0

    def read(self, _):
        self.reads += 1
        if self.reads in self.outages:
            raise ClusterUnavailable("the cluster does not answer")
        self.controller.tick()
        return self.controller.state(), self.controller.service

    def patch(self, _, body):
        self.conflicts -= 1
        if self.conflicts >= 0:
            return False
        if not self.drops_patches:
            self.controller.patch(body)
        return True

    def record(self, _, reason, message, kind="Normal"):
        self.events.append((reason, kind))


@pytest.fixture(autouse=True)
def quick(monkeypatch, home):
    monkeypatch.setattr(execution, "POLL_SECONDS", 0)


def execute(simulated, command, timeout=30, progress=lambda fraction, text: None, registry=False):
    return execution.execute(simulated, "iris", command, timeout, progress, "iris", registry)


def test_each_decision_is_shown_and_recorded():
    simulated, messages = Simulated(), []
    message = execute(simulated, Deploy("2.0.0", 50), progress=lambda fraction, text: messages.append(text))
    assert message == "2.0.0 gets 50 % of the requests, 1.0.0 gets 50 %"
    execute(simulated, Promote())
    assert [reason for reason, _ in simulated.events] == [
        "CanaryStarted", "TrafficShifted", "CanaryScaled", "TrafficShifted", "Promoted",
    ]  # fmt: skip
    assert any(text.startswith("waits for replicas of 2.0.0 to be ready, 0 of 1 are") for text in messages)


def test_after_a_conflict_the_decision_is_made_again():
    simulated = Simulated(conflicts=2)
    execute(simulated, Deploy("2.0.0", 10))
    assert len(simulated.events) == 2


def test_refused():
    with pytest.raises(RolloutRefused, match="serves 1.0.0 already"):
        execute(Simulated(), Deploy("1.0.0", 10))


def test_a_broken_canary_is_an_error_with_the_pods_message_and_the_way_back():
    simulated = Simulated(broken=("2.0.0",))
    with pytest.raises(RolloutFailed, match="BundleError: model.onnx was changed.*nivesh rollback"):
        execute(simulated, Deploy("2.0.0", 10))
    assert simulated.events[-1] == ("CanaryFailed", "Warning")
    execute(simulated, Rollback("broken"))
    assert simulated.events[-1] == ("RolledBack", "Normal")


def test_the_timeout_names_the_next_step():
    simulated = Simulated()
    simulated.controller.reconcile = lambda: None
    with pytest.raises(ClusterError, match="gave up after 0 s before: .*repeat the command to go on"):
        execute(simulated, Deploy("2.0.0", 10), timeout=0.001)


def test_a_cluster_that_drops_the_canary_is_named():
    with pytest.raises(ClusterError, match="KServe is too old to keep it"):
        execute(Simulated(drops_patches=True), Deploy("2.0.0", 10))


class Contended(Simulated):
    """Another client acts just after our patch of this event: with a command of its own, to its end."""

    def __init__(self, after, other):
        super().__init__()
        run(self.controller, Deploy("2.0.0", 10))
        self.after, self.other, self.times, self.limit = after, other, 0, 5

    def record(self, service, reason, message, kind="Normal"):
        super().record(service, reason, message, kind)
        if reason == self.after and self.times < self.limit:
            self.times += 1
            run(self.controller, self.other)


def test_a_promotion_that_another_client_rolled_back_is_no_success():
    with pytest.raises(RolloutRefused, match="another client has ended the rollout of 2.0.0 meanwhile; 1.0.0 gets all"):
        execute(Contended("TrafficShifted", Rollback("bad")), Promote())


def test_a_rollback_that_came_after_the_promotion_is_no_success():
    with pytest.raises(RolloutRefused, match="another client has ended the rollout of 2.0.0 meanwhile; 2.0.0 gets all"):
        execute(Contended("RollbackStarted", Promote()), Rollback("bad"))


def test_two_clients_that_change_the_traffic_do_not_alternate_for_ever():
    contended = Contended("TrafficShifted", SetTraffic(20))
    with pytest.raises(ClusterError, match="another client changes it at the same time"):
        execute(contended, SetTraffic(80))
    assert contended.times == 1


def test_a_rollback_retries():
    contended = Contended("RollbackStarted", SetTraffic(20))
    contended.limit = 3
    assert (
        execute(contended, Rollback("bad")) == "1.0.0 gets all requests; no champion was set, as there is no registry"
    )
    assert contended.times == 3


def test_decisions_are_tags_of_the_version_in_mlflow(home):
    from nivesh.registry import model_registry

    (home / "model").mkdir(parents=True)
    for version in ("1.0.0", "2.0.0"):
        model_registry.register_model("iris", str(home / "model"), {"version": version})
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    assert model_registry.find("iris", "2.0.0").tags["rollout"] == "canary 10 %"
    execute(simulated, Rollback("too slow"))
    assert model_registry.find("iris", "2.0.0").tags["rollout"] == "rolled back: too slow"


def test_a_deployment_needs_no_registry(monkeypatch):
    monkeypatch.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
    execute(Simulated(), Deploy("2.0.0", 10))


def test_an_api_server_that_does_not_answer_for_a_while_is_waited_for():
    simulated, messages = Simulated(outages=(1, 4, 5)), []
    message = execute(simulated, Deploy("2.0.0", 10), progress=lambda fraction, text: messages.append(text))
    assert message == "2.0.0 gets 10 % of the requests, 1.0.0 gets 90 %"
    assert messages.count("waits for the API server: the cluster does not answer") == 3


def test_an_api_server_that_never_answers_is_an_error_after_the_timeout():
    with pytest.raises(ClusterUnavailable):
        execute(Simulated(outages=range(1, 10**6)), Deploy("2.0.0", 10), timeout=0.05)
