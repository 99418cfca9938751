import pytest

from nivesh.errors import SettingsError
from nivesh.registry import experiments, tracking

pytestmark = pytest.mark.usefixtures("home")
KEY, RUN = "toy", "0b1c"


@pytest.fixture(autouse=True)
def run_of_a_pipeline(monkeypatch):
    monkeypatch.setenv(tracking.RUN_ID, RUN)


def read(run_id):
    return experiments.client().get_run(run_id)


def test_steps_are_nested_under_one_run_that_names_kubeflows(monkeypatch):
    with tracking.step(KEY, "train") as train:
        pass
    with tracking.step(KEY, "gate") as gate:
        assert read(gate).info.status == "RUNNING"
    parent = tracking.parent_run(KEY)
    for step in (train, gate):
        assert read(step).data.tags["mlflow.parentRunId"] == parent
        assert read(step).data.tags["kfp_run_id"] == RUN
        assert read(step).info.status == "FINISHED"
    assert read(parent).info.status == "RUNNING"
    tracking.finish(KEY)
    assert read(parent).info.status == "FINISHED"
    monkeypatch.setenv(tracking.RUN_ID, "another")
    assert tracking.parent_run(KEY) != parent


@pytest.mark.parametrize("given", ["", None])
def test_a_step_without_a_runs_id_is_refused(monkeypatch, given):
    monkeypatch.delenv(tracking.RUN_ID) if given is None else monkeypatch.setenv(tracking.RUN_ID, given)
    with pytest.raises(SettingsError, match="KFP_RUN_ID is not set; .*kubeflow-2.0"):
        tracking.parent_run(KEY)


def test_a_step_that_is_tried_again_goes_on_in_its_run():
    with pytest.raises(OSError, match="S3 is away"), tracking.step(KEY, "train") as first:
        raise OSError("S3 is away")
    parent = tracking.parent_run(KEY)
    for one in (first, parent):
        assert read(one).info.status == "FAILED"
        assert read(one).data.tags["last_error"] == "train: OSError: S3 is away"
    with tracking.step(KEY, "train") as second:
        assert read(parent).info.status == "RUNNING"
    assert second == first
    assert read(second).info.status == "FINISHED"
    assert len(experiments.client().search_runs([experiments.create_experiment(KEY)])) == 2


def test_kubeflows_own_run_is_the_parent(monkeypatch):
    given = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    with tracking.step(KEY, "train") as step:
        pass
    assert read(step).data.tags["mlflow.parentRunId"] == given
    assert read(given).data.tags["kfp_run_id"] == RUN


def test_what_is_recorded_twice_stays_the_same(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "card.md").write_text("# toy")
    parent = tracking.parent_run(KEY)
    for _ in range(2):
        tracking.log_training(
            parent,
            params={"depth": 3},
            metrics={"auc": 0.9},
            tags={"gate": "passed"},
            files={"report": tmp_path / "report"},
        )
    found = read(parent)
    assert (found.data.params, found.data.metrics["auc"]) == ({"depth": "3"}, 0.9)
    assert [file.path for file in experiments.client().list_artifacts(parent, "report")] == ["report/card.md"]


def test_a_models_metadata_come_back_as_they_were():
    facts = tracking.training_metadata(KEY, {"max_depth": 3, "learning_rate": 0.04, "tune": True}, 12.34)
    through_kubeflow = {
        name: float(one) if isinstance(one, int) else one for name, one in (facts | {"rows": 7}).items()
    }
    found = tracking.read_metadata(through_kubeflow)
    assert found["params"] == {"max_depth": 3, "learning_rate": 0.04, "tune": True}
    assert (found["rows"], found["seconds"]) == (7, 12.3)
    assert isinstance(found["rows"], int)
