"""Following a wish: what is shown, recorded and raised. The cluster is the simulated one."""

import json

import pytest

from nivesh.errors import ClusterError, RolloutFailed, RolloutRefused
from nivesh.rollout import cluster
from nivesh.rollout.actions import Deploy, Promote, Rollback, Traffic
from tests.rollout.controller import Controller, inference_service, run


class Simulated:
    """``nivesh.rollout.cluster.Cluster`` over the simulated controller, which ticks whenever it is looked at."""

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
    with pytest.raises(ClusterError, match="KServe is too old to keep it"):
        follow(Simulated(deaf=True), Deploy("2.0.0", 10))


class Crowded(Simulated):
    """Somebody else acts just after our patch of this event: with a wish of his own, to its end."""

    def __init__(self, after, other):
        super().__init__()
        run(self.controller, Deploy("2.0.0", 10))
        self.after, self.other, self.times, self.limit = after, other, 0, 5

    def record(self, service, reason, message, kind="Normal"):
        super().record(service, reason, message, kind)
        if reason == self.after and self.times < self.limit:
            self.times += 1
            run(self.controller, self.other)


def test_a_promotion_that_somebody_rolled_back_is_no_success():
    with pytest.raises(RolloutRefused, match="somebody else ended the rollout of 2.0.0 meanwhile; 1.0.0 gets all"):
        follow(Crowded("TrafficShifted", Rollback("bad")), Promote())


def test_a_rollback_that_came_after_the_promotion_is_no_success():
    with pytest.raises(RolloutRefused, match="somebody else ended the rollout of 2.0.0 meanwhile; 2.0.0 gets all"):
        follow(Crowded("RollbackStarted", Promote()), Rollback("bad"))


def test_two_who_pull_at_the_traffic_do_not_pull_for_ever():
    crowded = Crowded("TrafficShifted", Traffic(20))
    with pytest.raises(ClusterError, match="somebody else changes it at the same time"):
        follow(crowded, Traffic(80))
    assert crowded.times == 1


def test_a_rollback_insists():
    crowded = Crowded("RollbackStarted", Traffic(20))
    crowded.limit = 3
    assert follow(crowded, Rollback("bad")) == "1.0.0 gets all requests; no canary runs"
    assert crowded.times == 3


def test_decisions_are_tags_of_the_version_in_mlflow(home):
    from nivesh.registry import model_registry

    (home / "model").mkdir(parents=True)
    for version in ("1.0.0", "2.0.0"):
        model_registry.register_model("iris", str(home / "model"), {"version": version})
    simulated = Simulated()
    follow(simulated, Deploy("2.0.0", 10))
    assert model_registry.find("iris", "2.0.0").tags["rollout"] == "canary 10 %"
    follow(simulated, Rollback("too slow"))
    assert model_registry.find("iris", "2.0.0").tags["rollout"] == "rolled back: too slow"


def test_a_registry_that_is_away_holds_up_nothing(monkeypatch):
    monkeypatch.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
    follow(Simulated(), Deploy("2.0.0", 10))


def test_no_cluster_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="no cluster is configured"):
        cluster.Cluster()


@pytest.mark.parametrize("text", [":::{{", "just text", "a: [", ""])
def test_a_file_that_is_no_kubeconfig_is_one_clear_line(monkeypatch, tmp_path, text):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(ClusterError, match="no cluster is configured"):
        cluster.Cluster()


@pytest.mark.parametrize(("context", "namespace"), [({}, "nivesh"), ({"namespace": "mine"}, "mine")])
def test_the_namespace_is_the_contexts_or_that_of_the_manifests(monkeypatch, tmp_path, context, namespace):
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"} | context}],
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert cluster.Cluster().namespace == namespace
    assert cluster.Cluster("other").namespace == "other"
