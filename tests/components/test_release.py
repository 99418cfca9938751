"""A model from its file to the champion, step by step in this process; then read by a stranger through MLflow alone."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest
from kfp import dsl

import components as do
from nivesh import data
from nivesh.errors import BundleError
from nivesh.registry import bundle_cache, experiments, model_registry
from nivesh.registry.loaded_model import load_version
from nivesh.settings import settings

KEY = "credit_risk"


@pytest.fixture
def released(artifact, loans):
    """Every step's outputs of one training that passed the gate."""
    raw, rows, features = artifact("raw"), artifact("rows"), artifact("features")
    train, test, model = artifact("train"), artifact("test"), artifact("model")
    report, verdict = artifact("report"), artifact("verdict")
    do.ingest.python_func(KEY, str(loans), raw)
    do.validate.python_func(KEY, raw, rows)
    do.build_features.python_func(KEY, rows, features, artifact("comparison"))
    do.split.python_func(KEY, features, 0, train, test)
    do.train.python_func(KEY, train, {"n_estimators": 20, "max_depth": 2}, model)
    do.evaluate.python_func(KEY, model, train, test, dsl.Metrics(), report)
    assert do.gate.python_func(KEY, model, report, False, verdict), Path(verdict.path).read_text()
    version = do.register.python_func(KEY, model, verdict)
    do.package.python_func(KEY, version, model, report, verdict)
    do.deploy.python_func(KEY, version, 10)
    return {"version": version, "raw": raw, "train": train, "test": test, "model": model}


def test_a_trained_model_is_a_registered_artifact_that_anybody_can_load(released, loans, tmp_path, monkeypatch):
    assert released["version"] == "1.0.0"
    assert released["train"].metadata["train_rows"] + released["test"].metadata["test_rows"] == 1500
    assert released["raw"].metadata["data_source"] == str(loans)
    champion = model_registry.by_alias(KEY, "champion")
    (dataset,) = experiments.client().get_run(champion.run_id).inputs.dataset_inputs
    assert dataset.dataset.digest == released["raw"].metadata["data_sha256"][:36]
    rows = data.read("loans", loans).drop(columns="defaulted").head(5)
    expected = load_version(KEY)
    probabilities = expected.model.predict_frame(expected.fitted, expected.model.build_features(rows))

    mlflow.set_tracking_uri(settings().mlflow_uri)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    loaded = mlflow.pyfunc.load_model(f"models:/{KEY}@champion")
    assert loaded.metadata.signature.inputs.input_names() == list(rows.columns)
    assert loaded.predict(rows).equals(probabilities)
    assert loaded.predict(loaded.input_example).shape[0] == 3

    # A second home with the same registry downloads the bundle; a changed copy of it is not believed.
    monkeypatch.setenv("NIVESH_TRACKING_URI", settings().mlflow_uri)
    monkeypatch.setenv("NIVESH_HOME", str(tmp_path / "second"))
    folder = bundle_cache.champion_folder(KEY)
    assert folder == tmp_path / "second" / "bundles" / KEY / "1.0.0"
    assert load_version(KEY).manifest == expected.manifest
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"metrics": {"auc": 1.0}}))
    assert load_version(KEY).manifest == expected.manifest, "a bundle of another registry is replaced"

    # An artifact that is not the registered one is refused.
    shutil.rmtree(folder)
    stored = Path(mlflow.artifacts.download_artifacts(f"{champion.source}/data/bundle"))
    (stored / "manifest.json").write_text(manifest_text := (stored / "manifest.json").read_text() + " ")
    assert manifest_text
    with pytest.raises(BundleError, match="not the registered one"):
        bundle_cache.folder_of(champion)
