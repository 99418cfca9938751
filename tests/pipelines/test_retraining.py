"""The guide's call with real trainings on this machine, and with a Kubeflow that keeps runs by their names."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from nivesh import data, trigger_retraining_job
from nivesh.errors import SettingsError
from nivesh.monitoring.retraining_ledger import Ledger
from nivesh.monitoring.starter import Outcome, Plan
from nivesh.registry import model_registry
from nivesh.registry.decisions import decisions
from nivesh.registry.gate import LOSS_MARGIN
from nivesh.store.objects import monitoring_store
from pipelines import local
from pipelines.kubeflow import Run, Step
from pipelines.retraining import ClusterStarter, LocalStarter, last_window, starter

KEY = "credit_risk"
WINDOW = {"window_start": datetime(2026, 1, 25, tzinfo=UTC), "window_end": datetime(2026, 2, 1, tzinfo=UTC)}
PLAN = Plan(
    KEY, "credit-risk-retrain-20260201t000000z-abc", "s3://monitoring/retraining/credit_risk/data/1234/loans.csv"
)


@pytest.fixture
def loans(tmp_path):
    """Two exports: the second has more rows."""
    rows, paths = data.read("loans"), []
    for count in (2500, 2800):
        paths.append(tmp_path / f"loans-{count}.csv")
        rows.head(count).to_csv(paths[-1], index=False)
    return [str(path) for path in paths]


def test_a_retraining_on_this_machine_ends_as_a_registered_version_once(home, loans, steps_in_process, monkeypatch):
    local.run(KEY, {"data_path": loans[0]})
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setenv("NIVESH_RETRAINING_DATA", loans[0])
    same = trigger_retraining_job(KEY, reason="by hand", **WINDOW)
    assert (same["outcome"], same["kind"]) == ("refused", "same_data")
    assert "1.0.0" in same["reason"]
    monkeypatch.setenv("NIVESH_RETRAINING_DATA", loans[1])
    found = trigger_retraining_job(KEY, reason="new labels", **WINDOW)
    newest = decisions(KEY)[0]
    assert newest.pipeline_run == found["run"] == f"credit-risk-retrain-{found['id'].lower()}"
    assert found["outcome"] == {"passed": "succeeded", "refused": "refused"}[newest.outcome]
    assert (found["reason"], found["version"]) == (newest.reason, newest.version)
    assert "/data/" in newest.data_source and newest.data_source.endswith("loans-2800.csv")
    trained = len(decisions(KEY))
    if newest.outcome == "passed":
        assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == found["version"] == "1.1.0"
    assert trigger_retraining_job(KEY, reason="again", **WINDOW)["outcome"] in (found["outcome"], "refused")
    assert len(decisions(KEY)) == trained, "nothing was trained again"


def test_a_training_that_was_killed_is_done_again_under_its_id(home, monkeypatch):
    ran = []

    def run(key, arguments, progress, run_id):
        ran.append((key, arguments["data_path"], arguments["accept_equal"], run_id))
        if len(ran) == 1:
            raise KeyboardInterrupt
        verdict = {"passed": True, "reason": "as good, on newer data"}
        return local.Result(
            key=key, verdict=verdict, metrics={}, version="1.1.0", seconds=1.0, folder=home / "runs", notes=[]
        )

    monkeypatch.setattr(local, "run", run)
    (home / "runs").mkdir(parents=True)
    first = LocalStarter()
    with pytest.raises(KeyboardInterrupt):
        first.start(PLAN)
    assert (first.find(PLAN), first.outcome(KEY, PLAN.name)) == (None, None)
    assert first.start(PLAN) == PLAN.name
    assert ran == [(KEY, PLAN.data_path, True, PLAN.name)] * 2
    assert LocalStarter().find(PLAN) == PLAN.name
    assert LocalStarter().outcome(KEY, PLAN.name) == Outcome("succeeded", "as good, on newer data", "1.1.0")


def test_a_failed_and_a_refused_training_are_told_apart(home, monkeypatch):
    (home / "runs").mkdir(parents=True)

    def fail(key, arguments, progress, run_id):
        raise local.StepFailed("loans.csv row 17, column age: 12 breaks the rule")

    monkeypatch.setattr(local, "run", fail)
    LocalStarter().start(PLAN)
    assert LocalStarter().outcome(KEY, PLAN.name) == Outcome(
        "failed", "loans.csv row 17, column age: 12 breaks the rule"
    )
    verdict = {"passed": False, "reason": "worse"}
    result = local.Result(key=KEY, verdict=verdict, metrics={}, version="", seconds=1.0, folder=home, notes=[])
    monkeypatch.setattr(local, "run", lambda *arguments, **more: result)
    other = dataclasses.replace(PLAN, name="other")
    LocalStarter().start(other)
    assert LocalStarter().outcome(KEY, "other") == Outcome("refused", "worse", "")


class Runs:
    """A Kubeflow that keeps what was submitted, and lets a run end as it is told."""

    def __init__(self):
        self.submitted, self.state, self.steps = [], "RUNNING", ["ingest"]

    def find(self, key, name):
        return next((f"id-{number}" for number, one in enumerate(self.submitted) if one[2] == name), None)

    def submit(self, key, pipeline, arguments, name):
        self.submitted.append((key, arguments, name, pipeline.read_text()))
        return f"id-{len(self.submitted) - 1}"

    def read(self, run_id):
        now = datetime.now(UTC)
        seconds = None if self.state == "RUNNING" else 60.0
        steps = [Step(name, "SUCCEEDED", now, now) for name in self.steps]
        return Run(run_id, "name", self.state, now, seconds), steps


def test_a_cluster_gets_the_file_by_its_digest_and_takes_an_equal_model():
    kubeflow = Runs()
    cluster = ClusterStarter("registry.example.com/team", lambda: kubeflow)
    assert cluster.find(PLAN) is None
    run = cluster.start(PLAN)
    assert cluster.find(PLAN) == run == "id-0"
    ((key, arguments, name, pipeline),) = kubeflow.submitted
    assert (key, name) == (KEY, PLAN.name)
    assert arguments["data_path"] == PLAN.data_path and arguments["accept_equal"] is True
    assert "registry.example.com/team/nivesh/train-tabular" in pipeline


def test_how_a_run_on_a_cluster_ended(home):
    kubeflow = Runs()
    cluster = ClusterStarter(connect=lambda: kubeflow)
    assert cluster.outcome(KEY, "id-0") is None
    kubeflow.state = "FAILED"
    assert cluster.outcome(KEY, "id-0") == Outcome("failed", "the run has FAILED; see nivesh logs id-0")
    kubeflow.state = "SUCCEEDED"
    assert cluster.outcome(KEY, "id-0").outcome == "refused", "it ended before a version was registered"
    kubeflow.steps = ["ingest", "register"]
    ended = cluster.outcome(KEY, "id-0")
    assert ended.outcome == "succeeded" and "set MLFLOW_TRACKING_URI" in ended.reason


def test_a_cluster_cannot_read_a_file_of_this_machine():
    with pytest.raises(SettingsError, match="set NIVESH_MONITORING_STORE"):
        ClusterStarter().check(dataclasses.replace(PLAN, data_path="/home/asha/loans.csv"))
    ClusterStarter().check(PLAN)


def test_where_runs_are_started(monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    assert isinstance(starter(), LocalStarter)
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://127.0.0.1:8888")
    assert isinstance(starter(), ClusterStarter)
    assert isinstance(starter("local"), LocalStarter)
    with pytest.raises(SettingsError, match="must be local or cluster"):
        starter("moon")


def test_without_a_window_it_is_the_last_seven_whole_days(home, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    start, end = last_window()
    assert end - start == timedelta(days=7)
    assert (end.hour, end.minute, end.second) == (0, 0, 0) and timedelta(0) <= datetime.now(UTC) - end < timedelta(
        days=1
    )
    refused = trigger_retraining_job(KEY, reason="drift")
    assert (refused["outcome"], refused["kind"]) == ("refused", "data")
    intent = Ledger(monitoring_store(), KEY).intent(refused["id"])
    assert (intent.window_start, intent.window_end) == (start, end)
    assert intent.reference == "none"


def newest_golden_set(home):
    """What the newest run has measured on the golden set."""
    paths = sorted((home / "runs").glob("*/*/evaluate/report/golden.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(paths[-1].read_text())


def test_a_window_with_wrong_labels_is_refused_and_the_golden_set_tells_them_from_right_ones(
    home, tmp_path, steps_in_process, monkeypatch
):
    """5 % of the window's labels are flipped. The held-out rows have the same wrong labels, and the AUC hardly sees it."""
    rows = data.read("loans").sample(frac=1, random_state=4, ignore_index=True)
    golden, old, new = rows.iloc[:1500], rows.iloc[1500:3750], rows.iloc[3750:]
    flipped = new.copy()
    chosen = np.random.default_rng(4).random(len(new)) < 0.05
    flipped.loc[chosen, "defaulted"] = 1 - flipped.loc[chosen, "defaulted"]
    files = {
        "golden": golden,
        "old": old,
        "poisoned": pd.concat([old, flipped]),
        "clean": pd.concat([old, new, golden]),
    }
    for name, frame in files.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setenv("NIVESH_GOLDEN_SET", str(tmp_path / "golden.csv"))
    monkeypatch.setenv("NIVESH_RETRAINING_COOLDOWN", "0")
    local.run(KEY, {"data_path": str(tmp_path / "old.csv")})
    refused = trigger_retraining_job(KEY, reason="drop", data_path=str(tmp_path / "poisoned.csv"), **WINDOW)
    assert refused["outcome"] == "refused", refused["reason"]
    loss = newest_golden_set(home)["loss"]
    assert loss["interval"]["high"] > LOSS_MARGIN * loss["champion"], "the golden set alone would refuse it too"
    later = {name: time + timedelta(days=7) for name, time in WINDOW.items()}
    clean = trigger_retraining_job(KEY, reason="drop", data_path=str(tmp_path / "clean.csv"), **later)
    loss = newest_golden_set(home)["loss"]
    assert loss["interval"]["high"] < LOSS_MARGIN * loss["champion"]
    assert "probabilities" not in clean["reason"], "whatever else the gate says of it"
    logs = [path.read_text() for path in (home / "runs").glob("*/log.txt")]
    assert sum("1500 rows of the golden set are left out" in text for text in logs) == 1
