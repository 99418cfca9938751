"""All training pipelines on a real Kubeflow, from rows in S3 to a canary, with pods, MLflow and S3 failing on the way."""

import contextlib
import hashlib
import time
from collections import Counter

import pytest
import yaml

import pipelines
from nivesh.errors import ModelNotFound
from nivesh.registry import experiments, model_registry, storage
from nivesh.rollout.cluster import Cluster
from pipelines import kubeflow, local
from pipelines.kubeflow import Kubeflow
from tests.cluster.conftest import KEYS
from tests.cluster.training import NAMESPACE, TRAINED, ended, opened
from tests.pipelines.test_golden import GOLDEN

KEY, NAME = "credit_risk", "credit-risk"
POOR = {"n_estimators": 1, "max_depth": 1}
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def training(kubeconfig, tmp_path_factory):
    with opened(kubeconfig, tmp_path_factory.mktemp("training")) as training:
        yield training


@pytest.fixture(scope="module")
def compiled(training):
    """The YAML of each model, as ``nivesh compile`` writes it."""
    return {key: pipelines.compile_to(key, training.scratch / f"{key}.yaml") for key in TRAINED}


@pytest.fixture(scope="module")
def first(training, compiled):
    """All pipelines at once, the one that others wait for first: key -> run id."""
    order = sorted(TRAINED, key=lambda key: (key != KEY, key))
    return {key: training.submit(key, compiled[key], **(POOR if key == KEY else {})) for key in order}


@pytest.fixture(scope="module")
def stable(training, first):
    """The first version, which everybody gets."""
    training.wait(first[KEY])
    return "1.0.0"


@pytest.fixture(scope="module")
def canary(training, compiled, stable):
    """A version on newer data; on its way a pod is deleted, a step's process killed, MLflow away, then S3: (version, run id)."""
    run_id = training.retrain(KEY, compiled[KEY])
    deleted, pod = training.running(run_id, "validate")
    training.kubectl("delete", "pod", pod, "--now", namespace="kubeflow")
    _, pod = training.running(run_id, "train")
    kill_all = ("python", "-c", "import os; os.kill(-1, 9)")  # as a node does that has no memory left
    with contextlib.suppress(AssertionError):  # the container may be gone before it has answered
        training.kubectl("exec", pod, "-c", "main", "--", *kill_all, namespace="kubeflow")
    training.running(run_id, "evaluate")
    with training.away("mlflow", NAMESPACE, 5000):
        time.sleep(40)
    training.running(run_id, "register", ("Running", "Succeeded"))
    with training.away("minio-service", "kubeflow", 9000):
        time.sleep(40)
    training.wait(run_id)
    assert deleted not in training.pods(run_id, "validate"), "another pod did the work"
    (version,) = training.versions(KEY, run_id)
    return model_registry.semantic_version(version), run_id


def test_the_yaml_that_runs_here_is_the_one_that_runs_on_one_machine(training, compiled, first, monkeypatch):
    training.s3.Bucket("mlpipeline").download_file(
        f"{training.mark}/{KEY}.parquet", str(training.scratch / "l.parquet")
    )
    with monkeypatch.context() as here:
        here.delenv("MLFLOW_TRACKING_URI")
        here.setenv("NIVESH_HOME", str(training.scratch / "local"))
        result = local.run(KEY, {"data_path": str(training.scratch / "l.parquet"), "params": POOR})
    assert result.version == "1.0.0"
    print(f"local run: {result.seconds:.0f} s")
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (
        compiled[KEY], result.folder / "pipeline.yaml", GOLDEN / f"{KEY}.yaml"
    )}  # fmt: skip
    assert len(sums) == 1
    submitted = Kubeflow().client.get_run(first[KEY]).pipeline_spec
    spec, platform = yaml.safe_load_all(compiled[KEY].read_text())
    assert (submitted["pipeline_spec"], submitted["platform_spec"]) == (spec, platform)


def test_the_first_version_is_served_to_everybody(training, stable):
    state, _ = Cluster(NAMESPACE).read(NAME)
    assert (state.version, state.canary) == (stable, None)
    assert set(training.answering(NAME, 5)) == {stable}
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == stable


def test_lost_pods_and_a_minute_without_mlflow_and_s3_leave_one_whole_version(training, canary, tmp_path):
    version, run_id = canary
    output = training.nivesh("logs", run_id[:8])
    assert "train, attempt 2" in output
    assert len(training.versions(KEY, run_id)) == 1
    assert storage.fetch(model_registry.find(KEY, version).tags["bundle"], tmp_path).version == version
    found = training.s3.Bucket("models").objects.filter(Prefix=f"{training.mark}/{KEY}/")
    assert {one.key.split("/")[3] for one in found} == {"1.0.0", version}, "no bundle without a version"
    runs = experiments.client().search_runs([experiments.create_experiment(KEY)], f"tags.kfp_run_id = '{run_id}'")
    names = Counter(run.info.run_name for run in runs)
    assert names == dict.fromkeys(
        [f"train-credit-risk-{run_id[:8]}", "train", "evaluate", "gate", "register", "package", "deploy"], 1
    )
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_run_is_found_by_the_beginning_of_its_id_on_any_page(first, canary, monkeypatch):
    monkeypatch.setattr(kubeflow, "PAGE_SIZE", 1)
    assert Kubeflow().read(first[KEY][:8])[0].id == first[KEY]
    with pytest.raises(ModelNotFound, match="runs have an id that starts with"):
        Kubeflow().read("")


def test_a_tenth_of_the_requests_until_a_person_promotes(training, stable, canary):
    version, _ = canary
    old, new = f"{NAME}-predictor", f"{NAME}-v{version.replace('.', '-')}-predictor"
    assert training.weights(NAME) == {old: 90, new: 10}
    answers = Counter(training.answering(NAME, 200))
    print(f"of 200 requests: {dict(answers)}")
    assert answers.keys() == {stable, version}
    assert 4 <= answers[version] <= 44
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == stable, (
        "the pipeline does not move the champion"
    )
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "challenger")) == version
    training.nivesh("traffic", KEY, "10", "--namespace", NAMESPACE)
    training.nivesh("promote", KEY, "--namespace", NAMESPACE)
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == version
    assert set(training.answering(NAME, 10)) == {version}


def test_a_worse_challenger_is_refused(training, compiled, canary):
    """The champion that it is measured against comes from S3: the step's pod has no bundle of its own."""
    run_id = training.submit(KEY, compiled[KEY], **POOR)
    training.wait(run_id)
    assert training.versions(KEY, run_id) == []
    (parent,) = experiments.client().search_runs(
        [experiments.create_experiment(KEY)], f"tags.kfp_run_id = '{run_id}' and tags.step = 'pipeline'"
    )
    assert parent.data.params["max_depth"] == "1"
    assert parent.data.tags["gate"] == "refused"
    assert parent.data.tags["gate_reason"].startswith("worse: ")
    assert parent.info.status == "FINISHED"
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == canary[0]


def test_a_recurring_run_fires(training, canary):
    before = {run.id for run in Kubeflow().runs(KEY, 100)}
    path = training.data_path(KEY)
    training.nivesh("schedule", KEY, "--cron", "*/20 * * * * *", "--data-path", path)
    client = Kubeflow().client
    try:
        fired = training.until("the next run", lambda: {run.id for run in Kubeflow().runs(KEY, 100)} - before, 120)
        run_id = fired.pop()
        training.nivesh("schedule", KEY, "--cron", "0 0 2 * * 1", "--data-path", path)
        named = client.list_recurring_runs(experiment_id=Kubeflow()._experiment(KEY)).recurring_runs
        assert sorted(one.status for one in named) == ["DISABLED", "ENABLED"], (
            "a new schedule takes the old one's place"
        )

        def ingested():
            return any(step.name == "ingest" and step.state == "SUCCEEDED" for step in Kubeflow().read(run_id)[1])

        training.until("its first step", ingested, 240)
    finally:
        for one in client.list_recurring_runs().recurring_runs or []:
            client.delete_recurring_run(one.recurring_run_id)  # and with it the runs that it began


@pytest.mark.parametrize("key", KEYS)
def test_each_pipeline_brings_its_model_to_where_it_is_served(training, first, stable, key, tmp_path):
    if key not in TRAINED:
        pytest.skip(f"NIVESH_TEST_TRAIN names only {', '.join(TRAINED)}")
    training.wait(first[key])
    run, steps = Kubeflow().read(first[key])
    for step in steps:
        print(f"{step.name}: {(step.ended - step.started).total_seconds():.0f} s")
    print(f"{key}: {run.seconds:.0f} s in all")
    assert run == ended(first[key])
    (version,) = training.versions(key, first[key])
    assert model_registry.semantic_version(version) == "1.0.0"
    assert storage.fetch(version.tags["bundle"], tmp_path).version == "1.0.0"
    state, _ = Cluster(NAMESPACE).read(key.replace("_", "-"))
    assert state.conditions["Ready"] == "True"


def test_the_role_is_for_exactly_what_the_last_step_does(training):
    runner = "--as=system:serviceaccount:kubeflow:nivesh-deploy"
    allowed = training.kubectl("auth", "can-i", "patch", "inferenceservices", runner)
    assert allowed.strip() == "yes"
    for verb, what in (("delete", "inferenceservices"), ("create", "inferenceservices"), ("get", "secrets"),
                       ("delete", "pods"), ("patch", "deployments"), ("patch", "httproutes")):  # fmt: skip
        with pytest.raises(AssertionError, match="auth can-i"):
            training.kubectl("auth", "can-i", verb, what, runner)
    with pytest.raises(AssertionError, match="auth can-i"):
        training.kubectl(
            "auth", "can-i", "patch", "inferenceservices", "--as=system:serviceaccount:kubeflow:pipeline-runner"
        )
