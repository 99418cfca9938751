import mlflow
import pytest
from mlflow.exceptions import MlflowException

from nivesh.errors import GateRefused, ModelNotFound, SettingsError
from nivesh.registry import bundle_cache, experiments, model_registry

pytestmark = pytest.mark.usefixtures("home")


def version(missed: str = "") -> str:
    """Register one version of "toy" as the pipelines do; returns its semantic version."""
    run_id = experiments.client().create_run(experiments.create_experiment("toy")).info.run_id
    return model_registry.semantic_version(
        model_registry.register_model("toy", f"runs:/{run_id}/model", tags={"targets_missed": missed})
    )


def test_the_guides_calls_work_on_the_users_own_run(home):
    experiment = experiments.create_experiment("credit_risk", tags={"team": "risk"})
    mlflow.set_experiment("credit_risk")
    with mlflow.start_run() as run:
        experiments.log_model_params({"depth": 3})
        experiments.log_model_metrics({"auc": 0.9, "by": {"women": 0.88}, "note": "left out"})
    found = experiments.client().get_run(run.info.run_id)
    assert found.info.experiment_id == experiment == experiments.create_experiment("credit_risk")
    assert found.data.params == {"depth": "3"}
    assert found.data.metrics == {"auc": 0.9, "by.women": 0.88}
    made = model_registry.register_model(
        model_name="toy", model_uri=f"runs:/{run.info.run_id}/model", tags={"a": "b"}, description="first"
    )
    assert (model_registry.semantic_version(made), made.tags["a"], made.description) == ("1.0.0", "b", "first")
    moved = model_registry.transition_model_stage("toy", version=1, stage="Production", archive_existing=True)
    assert moved.tags["stage"] == "Production"
    assert model_registry.get_latest_version("toy", "Production") == "1.0.0"
    assert model_registry.get_latest_version("toy", "Staging") is None
    assert (home / "mlflow.db").is_file()


def test_versions_count_up_and_are_found_by_every_name():
    assert [version(), version(), version()] == ["1.0.0", "1.1.0", "1.2.0"]
    model_registry.set_champion("toy", "1.1.0")
    assert {
        model_registry.semantic_version(model_registry.find("toy", name)) for name in ("1.1.0", "v1.1.0", 2, "champion")
    } == {"1.1.0"}
    assert model_registry.get_latest_version("toy") == "1.2.0"
    with pytest.raises(ModelNotFound, match="no version '9.9.9'; it has 1.0.0, 1.1.0, 1.2.0"):
        model_registry.find("toy", "9.9.9")


def test_versions_in_use_elsewhere_are_passed_over():
    run_id = experiments.client().create_run(experiments.create_experiment("toy")).info.run_id
    made = model_registry.register_model("toy", f"runs:/{run_id}/model", reserved=["1.0.0", "1.9.0", "1.10.0"])
    assert model_registry.semantic_version(made) == "1.11.0"
    assert version() == "1.12.0"


def test_production_below_target_needs_a_reason():
    version(missed="auc 0.8, must be > 0.85")
    with pytest.raises(GateRefused, match="needs a reason"):
        model_registry.transition_model_stage("toy", "1.0.0", "Production")
    assert model_registry.set_champion("toy", "1.0.0").tags["stage"] == "Staging"  # served, but not called Production
    moved = model_registry.transition_model_stage("toy", "1.0.0", "production", reason="agreed with risk, 90 days")
    assert moved.tags["stage"] == "Production"
    assert moved.tags["override_reason"] == "agreed with risk, 90 days"


def test_a_new_champion_archives_the_old_one():
    version(), version()
    model_registry.set_champion("toy", "1.0.0")
    model_registry.set_champion("toy", "1.1.0")
    assert model_registry.find("toy", "1.0.0").tags["stage"] == "Archived"
    assert model_registry.semantic_version(model_registry.by_alias("toy", "champion")) == "1.1.0"


def test_rollbacks_go_further_back_each_time():
    version(), version(), version()
    for one in ("1.0.0", "1.1.0", "1.2.0"):
        model_registry.set_champion("toy", one)
    assert model_registry.semantic_version(model_registry.rollback("toy", "latency")) == "1.1.0"
    assert model_registry.find("toy", "1.2.0").tags["rolled_back"] == "latency"
    assert model_registry.semantic_version(model_registry.rollback("toy", "drift")) == "1.0.0"
    with pytest.raises(ModelNotFound, match="first champion"):
        model_registry.rollback("toy", "again")


def test_what_is_not_there():
    with pytest.raises(ModelNotFound, match="none; train it first"):
        model_registry.find("toy", "1.0.0")
    with pytest.raises(ModelNotFound, match="nivesh train toy"):
        bundle_cache.champion_folder("toy")
    with pytest.raises(ModelNotFound, match="no champion"):
        model_registry.rollback("toy", "why not")
    version()
    with pytest.raises(SettingsError, match="stage 'Live' is unknown"):
        model_registry.transition_model_stage("toy", 1, "live")


def test_two_trainings_at_once_get_different_versions(monkeypatch):
    """Both have read the same list of versions before either of them has registered."""
    version()
    real, stale = model_registry.versions, model_registry.versions("toy")
    answers = [stale]
    monkeypatch.setattr(model_registry, "versions", lambda key: answers.pop() if answers else real(key))
    assert version() == "1.1.0"
    answers.append(stale)
    assert version() == "1.2.0"


def test_a_training_that_died_between_registering_and_numbering_is_numbered_when_it_is_tried_again():
    version()
    mlflow_client = experiments.client()
    for run in ("one", "two", "three"):  # all have read the same list, none has looked again
        tags = {"version": "1.1.0", model_registry.RUN_TAG: run}
        mlflow_client.create_model_version("toy", "file:///nowhere", tags=tags)
    numbers = {
        run: model_registry.semantic_version(model_registry.registered_by("toy", run))
        for run in ("three", "one", "two")
    }
    assert numbers == {"one": "1.1.0", "two": "1.2.0", "three": "1.3.0"}
    assert model_registry.registered_by("toy", "four") is None


def test_a_registry_that_is_away_is_not_one_without_a_champion(monkeypatch):
    version()
    model_registry.set_champion("toy", "1.0.0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException):
        model_registry.by_alias("toy", "champion")


def test_a_version_is_challenger_only_when_it_is_packaged():
    name = version()
    assert model_registry.by_alias("toy", "challenger") is None
    model_registry.mark_packaged("toy", name, "s3://models/toy/1.0.0")
    assert model_registry.semantic_version(model_registry.by_alias("toy", "challenger")) == name
    assert model_registry.find("toy", name).tags["bundle"] == "s3://models/toy/1.0.0"
    model_registry.set_champion("toy", name)
    model_registry.mark_packaged("toy", name, "")  # the step is tried again
    assert model_registry.semantic_version(model_registry.by_alias("toy", "champion")) == name
    assert model_registry.by_alias("toy", "challenger") is None


def test_an_older_version_that_is_packaged_late_does_not_take_the_newer_ones_place():
    """Its step was tried again by hand, after another training."""
    old, new = version(), version()
    model_registry.mark_packaged("toy", new, "")
    model_registry.mark_packaged("toy", old, "s3://models/toy/1.0.0")
    assert model_registry.semantic_version(model_registry.by_alias("toy", "challenger")) == new
    assert model_registry.find("toy", new).tags["stage"] == "Staging"
    assert model_registry.find("toy", old).tags["bundle"] == "s3://models/toy/1.0.0"


def test_next_version_takes_only_semantic_ones():
    assert model_registry.next_version([]) == "1.0.0"
    assert model_registry.next_version(["1.9.0", "1.10.0", "", "7"]) == "1.11.0"
    assert model_registry.next_version(["1.2.0", "1.0.x", "v9.0.0", "1.3.0-rc1", "a.b.c", "²³.0.0"]) == "1.3.0"


def test_reading_creates_no_experiment():
    assert experiments.find_experiment("toy") is None
    assert model_registry.versions("toy") == []
    assert experiments.client().get_experiment_by_name("toy") is None


def test_two_processes_that_create_an_experiment_get_the_same_one(monkeypatch):
    existing = experiments.create_experiment("toy")
    monkeypatch.setattr(experiments, "find_experiment", lambda name: None)  # both looked before either created it
    assert experiments.create_experiment("toy") == existing


def three_champions() -> None:
    for _ in range(3):
        model_registry.set_champion("toy", version())


def test_a_rollback_passes_over_versions_that_were_rolled_back_before():
    three_champions()
    model_registry.rollback("toy", "slow")
    model_registry.set_champion("toy", "1.0.0")
    model_registry.set_champion("toy", "1.1.0")  # its predecessor's predecessor is itself
    assert model_registry.semantic_version(model_registry.rollback("toy", "drift")) == "1.0.0"
    with pytest.raises(ModelNotFound, match="first champion"):
        model_registry.rollback("toy", "drift again")
