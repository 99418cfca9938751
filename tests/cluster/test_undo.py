"""Going back after a promotion on a real cluster: no request lost under load, and the registry follows."""

import time

import pytest

from nivesh.registry import model_registry
from tests.cluster.load import Load
from tests.cluster.stage import BODY, GOOD, KEY, PATH, STABLE, opened

pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def stage(kubeconfig, trained_home, tmp_path_factory):
    """Version 1.0.0 in a namespace of its own, and a registry that knows it and 1.1.0 by the addresses it serves."""
    home = tmp_path_factory.mktemp("home")
    with opened(kubeconfig, trained_home, home, "undo") as stage, pytest.MonkeyPatch.context() as environment:
        for name in ("NIVESH_TRACKING_URI", "MLFLOW_TRACKING_URI"):
            environment.delenv(name, raising=False)
        environment.setenv("NIVESH_HOME", str(home))
        (home / "model").mkdir()
        for version in (STABLE, GOOD):
            tags = {"version": version, "bundle": stage.uri(version)}
            model_registry.register_model(KEY, str(home / "model"), tags)
        model_registry.set_champion(KEY, STABLE)
        yield stage


@pytest.fixture
def load(stage):
    with Load(stage.host, PATH, BODY) as load:
        yield load
    print(load.assert_nothing_lost())


def champion() -> str:
    version = model_registry.by_alias(KEY, "champion")
    assert version
    return model_registry.semantic_version(version)


def test_undo_a_promotion_under_load(stage, load):
    stage.run("deploy", KEY, "--version", GOOD, "--canary", "50")
    output = stage.run("promote", KEY)
    assert f"the champion now in place of {STABLE}" in " ".join(output.split())
    assert (stage.state().version, champion()) == (GOOD, GOOD)
    assert set(load.watch(2)) == {GOOD}

    stage.run("undo", KEY, "--reason", "complaints")
    assert (stage.state().version, champion()) == (STABLE, STABLE)
    assert list(stage.weights().values()) == [1]
    assert set(load.watch(3)) == {STABLE}
    assert {"UndoStarted", "Undone"} <= stage.events()
    assert model_registry.find(KEY, GOOD).tags["undone"] == "complaints"


def test_the_undone_version_is_deployed_again_only_by_force(stage):
    """Follows the test above."""
    if stage.state().history.undone != {GOOD: "complaints"}:
        pytest.skip("nothing was undone before")
    output = stage.run("deploy", KEY, "--version", GOOD, code=1)
    assert "was undone (complaints)" in " ".join(output.split()) and "--force" in output
    stage.run("deploy", KEY, "--version", GOOD, "--canary", "10", "--force")
    stage.run("rollback", KEY, "--reason", "only a try")


def test_interrupted_and_called_again(stage, load):
    before = stage.state().version
    other = GOOD if before == STABLE else STABLE
    stage.run("deploy", KEY, "--version", other, "--canary", "50", "--force")
    stage.run("promote", KEY, "--without-registry")
    for seconds in (4.0, 8.0):
        process = stage.start("undo", KEY, "--reason", "complaints")
        time.sleep(seconds)
        process.kill()
        process.communicate()
    stage.run("undo", KEY, "--reason", "complaints")
    assert stage.state().version == champion() == before
    assert set(load.watch(2)) == {before}


def test_promotion_without_a_registry_is_refused_before_the_first_change(stage):
    state = stage.state()
    other = GOOD if state.version == STABLE else STABLE
    stage.run("deploy", KEY, "--version", other, "--canary", "10", "--force")
    weights = stage.weights()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NIVESH_TRACKING_URI", "http://127.0.0.1:9")
        output = " ".join(stage.run("promote", KEY, code=1).split())
    assert "does not answer" in output and "--without-registry" in output
    assert stage.weights() == weights
    stage.run("rollback", KEY, "--reason", "the end of the test")
