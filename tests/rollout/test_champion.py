"""The champion in MLflow follows what the cluster serves, or the command says why not. MLflow is real, on SQLite."""

import pytest

from nivesh.errors import RegistryError, RolloutRefused
from nivesh.registry import experiments, model_registry
from nivesh.rollout import champion, execution
from nivesh.rollout.commands import Deploy, Promote, Rollback, Undo
from tests.rollout.controller import Controller
from tests.rollout.test_execution import Simulated, execute


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(execution, "POLL_SECONDS", 0)


@pytest.fixture
def registry(home):
    """Versions 1.0.0, the champion, and 2.0.0 of iris, published to where the simulated cluster loads them from."""
    (home / "model").mkdir(parents=True)
    for version in ("1.0.0", "2.0.0"):
        tags = {"version": version, "bundle": f"s3://models/iris/{version}"}
        model_registry.register_model("iris", str(home / "model"), tags)
    model_registry.set_champion("iris", "1.0.0")


def current() -> str:
    version = model_registry.by_alias("iris", "champion")
    assert version
    return model_registry.semantic_version(version)


def promoted() -> Simulated:
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    execute(simulated, Promote(), registry=True)
    return simulated


def tags(version: str) -> dict[str, str]:
    return model_registry.find("iris", version).tags


def test_promotion_sets_the_champion_and_names_the_registry(registry, home):
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    assert current() == "1.0.0"
    message = execute(simulated, Promote(), registry=True)
    assert message == (
        "2.0.0 gets all requests; no canary runs; it is the champion now in place of 1.0.0 in the registry at "
        f"sqlite:///{home}/mlflow.db"
    )
    assert current() == "2.0.0"


@pytest.mark.parametrize("command", [Promote(), Undo("bad", to="1.5.0")], ids=["promote", "undo"])
def test_without_a_registry_nothing_is_changed(home, command):
    simulated = Simulated()
    if isinstance(command, Promote):
        execute(simulated, Deploy("2.0.0", 10))
    before = simulated.controller.service["metadata"]["generation"]
    with pytest.raises(RegistryError, match="NIVESH_TRACKING_URI.*Nothing was changed; --without-registry"):
        execute(simulated, command, registry=True)
    assert simulated.controller.service["metadata"]["generation"] == before


def test_a_registry_of_other_models_is_not_taken(registry, home):
    """Two laptops train a 2.0.0 each; only one of them is on the cluster."""
    number = model_registry.find("iris", "2.0.0").version
    experiments.client().set_model_version_tag("iris", number, "bundle", "s3://other/iris/2.0.0")
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    with pytest.raises(RegistryError, match="is not the one at s3://models/iris/2.0.0: its bundle is s3://other"):
        execute(simulated, Promote(), registry=True)
    assert current() == "1.0.0"


def test_a_registry_that_does_not_answer_is_an_error_before_the_first_change(home, monkeypatch):
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    monkeypatch.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RegistryError, match="the registry at http://127.0.0.1:9 does not answer"):
        execute(simulated, Promote(), registry=True)
    assert simulated.events[-1] != ("Promoted", "Normal")


def test_a_registry_that_fails_after_the_change_is_repaired_by_the_next_run(registry, monkeypatch):
    from mlflow.exceptions import MlflowException

    def fails(*_):
        raise MlflowException("internal error")

    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    with monkeypatch.context() as broken:
        broken.setattr(model_registry, "set_champion", fails)
        with pytest.raises(RegistryError, match="2.0.0 gets all.*not the champion yet.*repeat the command"):
            execute(simulated, Promote(), registry=True)
    assert (current(), simulated.controller.state().version) == ("1.0.0", "2.0.0")
    execute(simulated, Promote(), registry=True)
    assert current() == "2.0.0"


def test_a_rollback_is_not_held_up_by_a_registry(home, monkeypatch):
    monkeypatch.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10))
    assert "no champion was set: the registry" in execute(simulated, Rollback("bad"), registry=True)


def test_undo_moves_cluster_and_registry_together(registry):
    simulated = promoted()
    message = execute(simulated, Undo("complaints"), registry=True)
    assert simulated.controller.state().version == current() == "1.0.0"
    assert "it is the champion now in place of 2.0.0" in message
    assert tags("2.0.0")["undone"] == "complaints"
    assert "previous_champion" not in tags("1.0.0"), "a second way back must not lead forward to the bad version"
    assert [reason for reason, _ in simulated.events][-3:] == ["UndoStarted", "TrafficShifted", "Undone"]


def test_undo_asks_the_registry_where_the_cluster_does_not_know(registry):
    simulated = promoted()
    service = simulated.controller.service
    del service["spec"]["predictor"]["annotations"]["rollout.nivesh.io/history"]
    simulated.controller = Controller(service)  # with new pods
    execute(simulated, Undo("complaints"), registry=True)
    assert simulated.controller.state().version == current() == "1.0.0"


def test_an_undo_that_was_killed_before_the_registry_is_completed_by_the_next(registry, monkeypatch):
    simulated = promoted()
    with monkeypatch.context() as killed:
        killed.setattr(champion, "set_champion", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            execute(simulated, Undo("complaints"), registry=True)
    assert (current(), simulated.controller.state().version) == ("2.0.0", "1.0.0")
    execute(simulated, Undo("complaints"), registry=True)
    assert current() == "1.0.0"
    assert tags("2.0.0")["undone"] == "complaints"


def test_a_version_undone_elsewhere_is_not_deployed_without_force(registry):
    """The registry knows, where the cluster is a new one."""
    execute(promoted(), Undo("complaints"), registry=True)
    with pytest.raises(RolloutRefused, match="2.0.0 was undone .complaints.*--force"):
        execute(Simulated(), Deploy("2.0.0", 10))
    simulated = Simulated()
    execute(simulated, Deploy("2.0.0", 10, force=True))
    execute(simulated, Promote(), registry=True)
    assert "undone" not in tags("2.0.0")
