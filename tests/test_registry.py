import mlflow
import pytest
from mlflow.exceptions import MlflowException

from nivesh import registry
from nivesh.errors import GateRefused, ModelNotFound, SettingsError

pytestmark = pytest.mark.usefixtures("home")


def version(missed: str = "") -> str:
    """Register one version of "toy" as the pipelines do; returns its semantic version."""
    run_id = registry.client().create_run(registry.create_experiment("toy")).info.run_id
    return registry.label(registry.register_model("toy", f"runs:/{run_id}/model", tags={"targets_missed": missed}))


def test_the_guides_calls_work_on_the_users_own_run(home):
    experiment = registry.create_experiment("credit_risk", tags={"team": "risk"})
    mlflow.set_experiment("credit_risk")
    with mlflow.start_run() as run:
        registry.log_model_params({"depth": 3})
        registry.log_model_metrics({"auc": 0.9, "by": {"women": 0.88}, "note": "left out"})
    found = registry.client().get_run(run.info.run_id)
    assert found.info.experiment_id == experiment == registry.create_experiment("credit_risk")
    assert found.data.params == {"depth": "3"}
    assert found.data.metrics == {"auc": 0.9, "by.women": 0.88}
    made = registry.register_model(
        model_name="toy", model_uri=f"runs:/{run.info.run_id}/model", tags={"a": "b"}, description="first"
    )
    assert (registry.label(made), made.tags["a"], made.description) == ("1.0.0", "b", "first")
    moved = registry.transition_model_stage("toy", version=1, stage="Production", archive_existing=True)
    assert moved.tags["stage"] == "Production"
    assert registry.get_latest_version("toy", "Production") == "1.0.0"
    assert registry.get_latest_version("toy", "Staging") is None
    assert (home / "mlflow.db").is_file()


def test_versions_count_up_and_are_found_by_every_name():
    assert [version(), version(), version()] == ["1.0.0", "1.1.0", "1.2.0"]
    registry.serve("toy", "1.1.0")
    assert {registry.label(registry.find("toy", name)) for name in ("1.1.0", "v1.1.0", 2, "champion")} == {"1.1.0"}
    assert registry.get_latest_version("toy") == "1.2.0"
    with pytest.raises(ModelNotFound, match="no version '9.9.9'; it has 1.0.0, 1.1.0, 1.2.0"):
        registry.find("toy", "9.9.9")


def test_versions_in_use_elsewhere_are_passed_over():
    run_id = registry.client().create_run(registry.create_experiment("toy")).info.run_id
    made = registry.register_model("toy", f"runs:/{run_id}/model", taken=["1.0.0", "1.9.0", "1.10.0"])
    assert registry.label(made) == "1.11.0"
    assert version() == "1.12.0"


def test_production_below_target_needs_a_reason():
    version(missed="auc 0.8, must be > 0.85")
    with pytest.raises(GateRefused, match="needs a reason"):
        registry.transition_model_stage("toy", "1.0.0", "Production")
    assert registry.serve("toy", "1.0.0").tags["stage"] == "Staging"  # served, but not called Production
    moved = registry.transition_model_stage("toy", "1.0.0", "production", reason="agreed with risk, 90 days")
    assert moved.tags["stage"] == "Production"
    assert moved.tags["override_reason"] == "agreed with risk, 90 days"


def test_a_new_champion_archives_the_old_one():
    version(), version()
    registry.serve("toy", "1.0.0")
    registry.serve("toy", "1.1.0")
    assert registry.find("toy", "1.0.0").tags["stage"] == "Archived"
    assert registry.label(registry.by_alias("toy", "champion")) == "1.1.0"


def test_rollbacks_go_further_back_each_time():
    version(), version(), version()
    for one in ("1.0.0", "1.1.0", "1.2.0"):
        registry.serve("toy", one)
    assert registry.label(registry.rollback("toy", "latency")) == "1.1.0"
    assert registry.find("toy", "1.2.0").tags["rolled_back"] == "latency"
    assert registry.label(registry.rollback("toy", "drift")) == "1.0.0"
    with pytest.raises(ModelNotFound, match="first champion"):
        registry.rollback("toy", "again")


def test_what_is_not_there():
    with pytest.raises(ModelNotFound, match="none; train it first"):
        registry.find("toy", "1.0.0")
    with pytest.raises(ModelNotFound, match="nivesh train toy"):
        registry.champion_bundle("toy")
    with pytest.raises(ModelNotFound, match="no champion"):
        registry.rollback("toy", "why not")
    version()
    with pytest.raises(SettingsError, match="stage 'Live' is unknown"):
        registry.transition_model_stage("toy", 1, "live")


def test_two_trainings_at_once_get_different_versions(monkeypatch):
    """Both have read the same list of versions before either of them has registered."""
    version()
    real, stale = registry.versions, registry.versions("toy")
    answers = [stale]
    monkeypatch.setattr(registry, "versions", lambda key: answers.pop() if answers else real(key))
    assert version() == "1.1.0"
    answers.append(stale)
    assert version() == "1.2.0"


def test_a_training_that_died_between_registering_and_numbering_is_numbered_when_it_is_tried_again():
    version()
    mlflow_client = registry.client()
    for run in ("one", "two", "three"):  # all have read the same list, none has looked again
        tags = {"version": "1.1.0", registry.RUN: run}
        mlflow_client.create_model_version("toy", "file:///nowhere", tags=tags)
    numbers = {run: registry.label(registry.registered_by("toy", run)) for run in ("three", "one", "two")}
    assert numbers == {"one": "1.1.0", "two": "1.2.0", "three": "1.3.0"}
    assert registry.registered_by("toy", "four") is None


def test_a_registry_that_is_away_is_not_one_without_a_champion(monkeypatch):
    version()
    registry.serve("toy", "1.0.0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException):
        registry.by_alias("toy", "champion")


def test_a_version_is_challenger_only_when_it_is_packaged():
    name = version()
    assert registry.by_alias("toy", "challenger") is None
    registry.packaged("toy", name, "s3://models/toy/1.0.0")
    assert registry.label(registry.by_alias("toy", "challenger")) == name
    assert registry.find("toy", name).tags["bundle"] == "s3://models/toy/1.0.0"
    registry.serve("toy", name)
    registry.packaged("toy", name, "")  # the step is tried again
    assert registry.label(registry.by_alias("toy", "champion")) == name
    assert registry.by_alias("toy", "challenger") is None


def test_an_older_version_that_is_packaged_late_does_not_take_the_newer_ones_place():
    """Its step was tried again by hand, after another training."""
    old, new = version(), version()
    registry.packaged("toy", new, "")
    registry.packaged("toy", old, "s3://models/toy/1.0.0")
    assert registry.label(registry.by_alias("toy", "challenger")) == new
    assert registry.find("toy", new).tags["stage"] == "Staging"
    assert registry.find("toy", old).tags["bundle"] == "s3://models/toy/1.0.0"


def test_next_version_takes_only_semantic_ones():
    assert registry.next_version([]) == "1.0.0"
    assert registry.next_version(["1.9.0", "1.10.0", "", "7"]) == "1.11.0"
