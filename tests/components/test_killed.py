"""The steps after the gate, killed at any write to MLflow and tried again: one version, packaged, served."""

import shutil
from pathlib import Path

import pytest
from kfp import dsl

import components as do
from nivesh.registry import bundle, experiments, model_registry
from nivesh.settings import settings
from tests.registry.kill import Kill, Killed

KEY = "credit_risk"


@pytest.fixture
def passed(artifact, loans, home):
    """The outputs of a training up to the gate, and the home with them."""
    raw, rows, features, comparison = artifact("raw"), artifact("rows"), artifact("features"), artifact("comparison")
    train, test, model = artifact("train"), artifact("test"), artifact("model")
    report, verdict = artifact("report"), artifact("verdict")
    do.ingest.python_func(KEY, str(loans), raw)
    do.validate.python_func(KEY, raw, rows)
    do.build_features.python_func(KEY, rows, features, comparison)
    do.split.python_func(KEY, features, 0, train, test)
    do.train.python_func(KEY, train, {"n_estimators": 5, "max_depth": 1}, model)
    do.evaluate.python_func(KEY, model, train, test, dsl.Metrics(), report)
    assert do.gate.python_func(KEY, model, report, False, verdict), Path(verdict.path).read_text()
    return model, report, verdict


def state(home: Path) -> dict:
    """What is registered, packaged and served, without what differs from home to home."""
    versions = model_registry.versions(KEY)
    runs = experiments.client().search_runs([experiments.find_experiment(KEY) or ""])
    digests = [version.tags.get("bundle_sha256") for version in versions]
    return {
        "versions": [(model_registry.semantic_version(one), one.description != "") for one in versions],
        "aliases": {alias: model_registry.by_alias(KEY, alias) is not None for alias in ("champion", "challenger")},
        "tags": [sorted(one.tags) for one in versions],
        "bundles": [digest is not None for digest in digests],
        "runs": sorted((run.info.run_name or "", run.info.status) for run in runs),
    }


def test_register_package_and_deploy_are_done_once(passed, home, monkeypatch, tmp_path):
    model, report, verdict = passed
    versions: list[str] = []

    def release():
        version = do.register.python_func(KEY, model, verdict)
        do.package.python_func(KEY, version, model, report, verdict)
        do.deploy.python_func(KEY, version, 10)
        versions.append(version)

    def begin(number: int) -> Path:
        copy = tmp_path / f"home-{number}"
        shutil.copytree(home, copy)
        monkeypatch.setenv("NIVESH_HOME", str(copy))
        return copy

    kill = Kill(monkeypatch)
    expected_home = begin(0)
    release()
    expected = state(expected_home)
    assert expected["versions"] == [("1.0.0", True)] and expected["bundles"] == [True]
    assert expected["aliases"] == {"champion": True, "challenger": False}
    for number in range(1, 60):
        here = begin(number)
        kill.at(number)
        try:
            release()
        except Killed:
            kill.at(0)
            release()
            assert state(here) == expected, f"killed at write {number}"
            assert bundle.verify(settings().bundles / KEY / "1.0.0").version == "1.0.0"
            shutil.rmtree(here)
        else:
            assert number > 20, "fewer writes than there are"
            break
    else:
        raise AssertionError("it never ended")
    assert set(versions) == {"1.0.0"}
