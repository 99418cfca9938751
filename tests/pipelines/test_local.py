"""A whole pipeline, compiled and run on this machine: the first model, a worse challenger, a better one."""

import json

import pytest

from nivesh import data
from nivesh.registry import bundle, experiments, model_registry
from pipelines import local, parallel

KEY = "credit_risk"
WORSE = {"n_estimators": 1, "max_depth": 1}


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "loans.csv"
    data.read("loans").head(2500).to_csv(path, index=False)
    return str(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("NIVESH_HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def first(home, loans):
    told = []
    result = local.run(KEY, {"data_path": loans}, lambda *step: told.append(step))
    return result, told


def test_the_first_model_is_registered_packaged_and_served(first, home):
    result, told = first
    assert result.verdict["passed"], result.verdict
    assert result.version == "1.0.0"
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == "1.0.0"
    manifest = bundle.verify(home / "bundles" / KEY / "1.0.0")
    assert manifest.metrics == result.metrics
    assert {"data_sha256", "git_commit", "params", "seconds"} <= set(manifest.provenance)
    steps = list(dict.fromkeys(step for step, _, _ in told))
    assert steps == [
        "ingest", "validate", "build-features", "split", "train", "evaluate", "gate", "register", "package", "deploy",
    ]  # fmt: skip
    assert any(step == "train" and 0 < fraction <= 1 for step, fraction, _ in told)


def test_the_run_is_on_record_with_plots_and_card(first, home):
    version = model_registry.find(KEY, "1.0.0")
    run = experiments.client().get_run(version.run_id)
    assert run.data.tags["gate"] == "passed"
    assert run.data.metrics["auc"] == pytest.approx(first[0].metrics["auc"])
    kept = {file.path for file in experiments.client().list_artifacts(version.run_id, "report")}
    assert {"report/metrics.json", "report/card.md"} <= kept
    assert any(path.endswith(".png") for path in kept)
    steps = experiments.client().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{version.run_id}'")
    assert {step.info.run_name for step in steps} == {"train", "evaluate", "gate", "register", "package", "deploy"}
    assert {step.info.status for step in (*steps, run)} == {"FINISHED"}
    assert {step.data.tags["kfp_run_id"] for step in (*steps, run)} == {version.tags["kfp_run_id"]}
    assert "Fairness" in (home / "reports" / KEY / "card-1.0.0.md").read_text()


def test_a_worse_challenger_is_refused_and_the_reason_kept(first, home, loans):
    result = local.run(KEY, {"data_path": loans, "params": WORSE})
    assert not result.verdict["passed"]
    assert result.version == ""
    assert model_registry.get_latest_version(KEY) == "1.0.0"
    assert not (home / "bundles" / KEY / "1.1.0").exists()
    (newest, *_) = experiments.client().search_runs([experiments.create_experiment(KEY)], "tags.step = 'pipeline'")
    assert newest.data.tags["gate"] == "refused"
    assert newest.data.tags["gate_reason"] == result.verdict["reason"]


def test_an_equal_challenger_is_refused(first, loans):
    result = local.run(KEY, {"data_path": loans})
    assert not result.verdict["passed"]
    assert "not better" in result.verdict["reason"]


def test_a_broken_file_ends_the_run_with_its_row(first, home, tmp_path):
    frame = data.read("loans").head(200)
    frame.loc[7, "age"] = 12
    frame.to_csv(tmp_path / "broken.csv", index=False)
    with pytest.raises(local.StepFailed, match="broken.csv row 9, column age: 12 breaks the rule"):
        local.run(KEY, {"data_path": str(tmp_path / "broken.csv")})
    log = max((home / "runs").glob("*/log.txt"), key=lambda path: path.stat().st_mtime)
    assert log.read_text().count("finished with status") == 2, "what fails here is not tried again"
    assert model_registry.get_latest_version(KEY) == "1.0.0"


def test_several_at_once_give_results_and_errors_by_key(home, loans, monkeypatch, tmp_path):
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path))
    experiments.client().search_experiments()
    told = []
    outcomes = parallel.run_all([KEY, "intent_classifier"], {"data_path": loans}, lambda *step: told.append(step))
    assert outcomes[KEY].version == "1.0.0"
    assert isinstance(outcomes["intent_classifier"], local.StepFailed)  # loans are no intents
    assert "the column text, intent is missing" in str(outcomes["intent_classifier"])
    assert {key for key, *_ in told} == {KEY, "intent_classifier"}


def test_the_yaml_that_ran_is_the_golden_one(first):
    from tests.pipelines.test_golden import GOLDEN

    ran = first[0].folder / "pipeline.yaml"
    assert ran.read_text() == (GOLDEN / f"{KEY}.yaml").read_text()
    assert json.loads((first[0].report / "champion.json").read_text()) is None
