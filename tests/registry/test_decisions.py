from nivesh.registry import decisions, experiments, model_registry, tracking


def training(run: str, monkeypatch, key: str = "toy", **tags) -> str:
    monkeypatch.setenv(tracking.RUN_ID, run)
    run_id = tracking.parent_run(key)
    tracking.log_training(run_id, params={}, metrics={"auc": 0.9}, tags=tags, files={})
    return run_id


def test_refused_failed_and_registered_trainings_are_found_again(home, monkeypatch):
    first = training("one", monkeypatch, gate="passed", gate_reason="the first model", data_source="a.csv")
    model_registry.register_model("toy", f"runs:/{first}/model", tags={model_registry.RUN_TAG: "one"})
    training("two", monkeypatch, gate="refused", gate_reason="worse", champion="1.0.0", champion_value="0.91")
    training("three", monkeypatch)
    try:
        with tracking.step("toy", "train"):
            raise OSError("disk full")
    except OSError:
        pass
    found = {one.pipeline_run: one for one in decisions.decisions("toy")}
    assert (found["one"].outcome, found["one"].version, found["one"].reason) == ("passed", "1.0.0", "the first model")
    assert (found["one"].data_source, found["one"].metrics) == ("a.csv", {"auc": 0.9})
    assert (found["two"].outcome, found["two"].version) == ("refused", "")
    assert (found["two"].champion, found["two"].champion_value) == ("1.0.0", "0.91")
    assert (found["three"].outcome, found["three"].reason) == ("failed", "train: OSError: disk full")


def test_a_model_without_trainings_has_none_and_nothing_is_created(home):
    assert decisions.decisions("toy") == []
    assert experiments.find_experiment("toy") is None
