"""The last step of a training: what it serves, and what it does not."""

from dataclasses import replace

import pytest

from nivesh.errors import GateRefused, RegistryError
from nivesh.registry import bundle, experiments, model_registry
from nivesh.rollout import champion as registry
from nivesh.rollout import cluster, execution, release
from nivesh.settings import settings
from tests.rollout.test_execution import Simulated

pytestmark = pytest.mark.usefixtures("home")
KEY = "toy"


@pytest.fixture
def served(monkeypatch):
    """A cluster that is ready to serve 1.0.0."""

    class Ready(Simulated):
        def read(self, name):
            state, service = super().read(name)
            return replace(state, conditions={"Ready": "True"}), service

    simulated = Ready()
    monkeypatch.setenv("NIVESH_SERVING_NAMESPACE", "nivesh")
    monkeypatch.setattr(cluster, "Cluster", lambda namespace: simulated)
    monkeypatch.setattr(execution, "POLL_SECONDS", 0)
    return simulated


def packaged(tmp_path, measured_against: str) -> str:
    """A registered version with its bundle."""
    run_id = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
    tags = {model_registry.MEASURED_AGAINST: measured_against}
    name = model_registry.semantic_version(model_registry.register_model(KEY, f"runs:/{run_id}/model", tags=tags))
    (tmp_path / name).mkdir()
    (tmp_path / name / "weights.json").write_text(name)
    bundle.pack(tmp_path / name, bundle.Manifest(KEY, name, "now", {}, [], {}, {}), settings().bundles)
    model_registry.mark_packaged(KEY, name, f"s3://models/{KEY}/{name}")
    return name


def away(*_):
    raise RegistryError("away")


def champion() -> str:
    version = model_registry.by_alias(KEY, model_registry.CHAMPION)
    assert version
    return model_registry.semantic_version(version)


def test_of_two_trainings_at_once_only_one_becomes_champion_of_what_it_was_measured_against(tmp_path):
    first, second = packaged(tmp_path, ""), packaged(tmp_path, "")
    release.deploy(KEY, first, 10)
    release.deploy(KEY, first, 10)  # the step is tried again
    with pytest.raises(GateRefused, match="1.1.0 was measured against no champion, and 1.0.0 is the champion since"):
        release.deploy(KEY, second, 10)
    assert champion() == first
    third = packaged(tmp_path, first)
    release.deploy(KEY, third, 10)
    with pytest.raises(GateRefused, match="1.0.0 was measured against no champion, and 1.2.0 is the champion"):
        release.deploy(KEY, first, 10)
    assert champion() == third


def test_on_a_cluster_what_everybody_gets_is_the_champion_even_if_mlflow_was_slow(tmp_path, served, monkeypatch):
    monkeypatch.setattr(registry, "set_champion", away)
    name = packaged(tmp_path, "")
    assert release.deploy(KEY, name, 10) == "1.0.0 gets all requests; no champion was set: away"
    assert champion() == name


def test_on_a_cluster_a_canary_is_not_the_champion(tmp_path, served):
    first = packaged(tmp_path, "")
    release.deploy(KEY, first, 10)
    second = packaged(tmp_path, first)
    assert release.deploy(KEY, second, 10) == "1.1.0 gets 10 % of the requests, 1.0.0 gets 90 %"
    assert champion() == first
