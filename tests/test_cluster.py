"""Following a wish: what is shown, recorded and raised. The cluster is the simulated one."""

import pytest

from nivesh import cluster
from nivesh.errors import ClusterError, RolloutFailed, RolloutRefused
from nivesh.rollout.actions import Deploy, Promote, Rollback
from tests.rollout.controller import Controller, inference_service


class Simulated:
    """``nivesh.cluster.Cluster`` over the simulated controller, which ticks whenever it is looked at."""

    def __init__(self, conflicts=0, deaf=False, **controller):
        self.controller = Controller(inference_service(), **controller)
        self.conflicts, self.deaf, self.events = conflicts, deaf, []

    def read(self, _):
        self.controller.tick()
        return self.controller.observe(), self.controller.service

    def patch(self, _, body):
        self.conflicts -= 1
        if self.conflicts >= 0:
            return False
        if not self.deaf:
            self.controller.patch(body)
        return True

    def record(self, _, reason, message, kind="Normal"):
        self.events.append((reason, kind))


@pytest.fixture(autouse=True)
def quick(monkeypatch, home):
    monkeypatch.setattr(cluster, "LOOK_EVERY_SECONDS", 0)


def follow(simulated, wish, timeout=30, tell=lambda part, text: None):
    return cluster.follow(simulated, "iris", wish, timeout, tell, "iris")


def test_each_decision_is_shown_and_recorded():
    simulated, told = Simulated(), []
    message = follow(simulated, Deploy("2.0.0", 50), tell=lambda part, text: told.append(text))
    assert message == "2.0.0 gets 50 % of the requests, 1.0.0 gets 50 %"
    follow(simulated, Promote())
    assert [one for one, _ in simulated.events] == [
        "CanaryStarted", "TrafficShifted", "CanaryScaled", "TrafficShifted", "Promoted",
    ]  # fmt: skip
    assert any(text.startswith("waits for replicas of 2.0.0 to be ready, 0 of 1 are") for text in told)


def test_somebody_elses_change_is_looked_at_again():
    simulated = Simulated(conflicts=2)
    follow(simulated, Deploy("2.0.0", 10))
    assert len(simulated.events) == 2


def test_refused():
    with pytest.raises(RolloutRefused, match="serves 1.0.0 already"):
        follow(Simulated(), Deploy("1.0.0", 10))


def test_a_broken_canary_is_an_error_with_the_pods_words_and_the_way_back():
    simulated = Simulated(broken=("2.0.0",))
    with pytest.raises(RolloutFailed, match="BundleError: model.onnx was changed.*nivesh rollback"):
        follow(simulated, Deploy("2.0.0", 10))
    assert simulated.events[-1] == ("CanaryFailed", "Warning")
    follow(simulated, Rollback("broken"))
    assert simulated.events[-1] == ("RolledBack", "Normal")


def test_the_deadline_says_what_was_waited_for():
    simulated = Simulated()
    simulated.controller.reconcile = lambda: None
    with pytest.raises(ClusterError, match="gave up after 0 s before: .*call again to go on"):
        follow(simulated, Deploy("2.0.0", 10), timeout=0.001)


def test_a_cluster_that_drops_the_canary_is_named():
    with pytest.raises(ClusterError, match="KServe does not keep the change"):
        follow(Simulated(deaf=True), Deploy("2.0.0", 10))


def test_decisions_are_tags_of_the_version_in_mlflow(home):
    from nivesh import registry

    (home / "model").mkdir(parents=True)
    for version in ("1.0.0", "2.0.0"):
        registry.register_model("iris", str(home / "model"), {"version": version})
    simulated = Simulated()
    follow(simulated, Deploy("2.0.0", 10))
    assert registry.find("iris", "2.0.0").tags["rollout"] == "canary 10 %"
    follow(simulated, Rollback("too slow"))
    assert registry.find("iris", "2.0.0").tags["rollout"] == "rolled back: too slow"


def test_a_registry_that_is_away_holds_up_nothing(monkeypatch):
    monkeypatch.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
    follow(Simulated(), Deploy("2.0.0", 10))


def test_no_cluster_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="no cluster is configured"):
        cluster.Cluster()
