"""Every check for every model key: the recipe for another model."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import pipelines
import predictors
from nivesh import data, models
from nivesh.errors import SettingsError
from nivesh.registry.comparison import paired_bootstrap
from nivesh.registry.gate import decide
from nivesh.settings import settings
from nivesh.spec import Spec, lookup

KEYS = models.keys()
pytestmark = pytest.mark.parametrize("key", KEYS)
FILES = {
    "training": ("split", "fit"),
    "inference": ("build_features", "predict", "predict_frame", "save", "load"),
    "evaluation": ("evaluate",),
    "plots": ("plot",),
    "monitoring": ("monitored", "replay", "label_names", "samples", "scores"),
}


def test_the_six_files_of_a_model(key):
    model = models.get(key)
    assert isinstance(model.spec, Spec)
    assert model.spec.key == key
    assert importlib.import_module(f"nivesh.models.{key}").__doc__, "say what the model is"
    for file, names in FILES.items():
        module = importlib.import_module(f"nivesh.models.{key}.{file}")
        for name in names:
            function = getattr(module, name, None)
            assert callable(function), f"nivesh/models/{key}/{file}.py has no {name}"
            assert function.__doc__, f"{name} has no docstring"
    assert model.spec.dataset in data.DATASETS
    assert model.spec.path.startswith("/predict/")
    assert all(hasattr(settings(), name) for name in model.spec.needs)
    if model.spec.consent:
        assert model.Request.model_fields[model.spec.consent].default is False, "consent is given, never assumed"
    assert model.spec.caveats, "a model card needs the limits of use"


def test_serving_a_model_needs_nothing_that_only_training_needs(key):
    code = f"""
import sys

class NotInstalled:  # as in a serving image
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "transformers", "mlflow", "kfp", "feast", "pandera", "prophet"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
from nivesh import models
model = models.get({key!r})
model.Request, model.Answer, model._inference
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pipeline_and_predictor_are_there(key):
    assert pipelines.get(key).name == f"train-{key.replace('_', '-')}"
    predictor = predictors.create(key, Path("no-bundle"))
    assert (predictor.key, predictor.name) == (key, key.replace("_", "-"))


def test_parameters_have_defaults_and_wrong_ones_are_refused(key):
    assert models.get(key).parameters()
    with pytest.raises(SettingsError, match="has no parameter 'no_such'"):
        models.get(key).parameters({"no_such": 1})
    name, default = next(item for item in models.get(key).parameters().items() if not isinstance(item[1], str))
    with pytest.raises(SettingsError, match=f"{name}='wrong' must be of type"):
        models.get(key).parameters({name: "wrong"})
    assert models.get(key).parameters({name: float(default)})[name] == default  # KFP's JSON knows no integers


def test_example_fits_and_what_is_added_does_not(key):
    module = models.get(key)
    assert module.Request(**module.spec.example)
    with pytest.raises(ValidationError):
        module.Request(**module.spec.example, unknown_field=1)
    for field in module.Request.model_fields.values():
        assert field.description, "a field of the API says what it is"


def test_no_row_is_learned_and_judged(key, train):
    parts = train(key).parts
    assert len(parts.test) and len(parts.train)
    assert parts.why
    identity = next(name for name in ("text", "transaction_id", "application_id", "input") if name in parts.test)
    assert not set(parts.train[identity]) & set(parts.test[identity])


def test_split_is_the_same_for_the_same_seed(key, train):
    from tests.conformance.conftest import few_rows

    module = models.get(key)
    again = module.split(few_rows(key), 0)
    assert again.test.equals(train(key).parts.test)


def test_training_tells_its_progress(key, train):
    fractions = [fraction for fraction, _ in train(key).progress]
    assert fractions, "fit never called progress"
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0 and fractions[-1] <= 1


def test_metrics_are_json_and_hold_all_that_the_gate_asks(key, train):
    spec, metrics = models.get(key).spec, train(key).metrics
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    for limit in (*spec.targets, *spec.floor):
        assert isinstance(lookup(metrics, limit.metric), int | float), f"{limit.metric} is not measured"
    assert isinstance(lookup(metrics, spec.primary), int | float)
    assert any(name.startswith("baseline_") for name in metrics)
    assert decide(spec, metrics, metrics).passed is False, "a model as good as the champion must be refused"


def test_saved_files_run_no_code(key, train):
    for path in train(key).folder.rglob("*"):
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".pt", ".bin"), path
        if path.is_file():
            assert not path.read_bytes().startswith((b"\x80\x04", b"\x80\x05")), f"{path} is a pickle"


def test_a_loaded_model_measures_the_same(key, train):
    trained = train(key)
    again = trained.module.evaluate(
        trained.module.load(trained.folder), trained.parts.test, history=trained.parts.train
    )
    assert again == trained.metrics


def test_the_gate_compares_row_by_row(key, train):
    """What the interval is computed from gives the primary metric; two equal models differ by nothing."""
    trained = train(key)
    rows = trained.module.per_row(trained.model, trained.parts.test, trained.parts.train)
    assert len(rows) > 1
    assert trained.module.primary_metric(rows) == pytest.approx(trained.metrics[trained.module.spec.primary])
    same = paired_bootstrap(rows, rows, trained.module.primary_metric, unit=trained.module.row_unit)
    assert (same.low, same.high) == (0, 0) and same.unit


def test_plots_are_written(key, train, tmp_path):
    trained = train(key)
    written = trained.module.plot(trained.model, trained.parts.test, tmp_path, history=trained.parts.train)
    assert any(Path(path).suffix == ".png" for path in written)
    for path in written:
        assert Path(path).parent == tmp_path
        assert Path(path).stat().st_size > 500


def test_a_frame_is_answered_row_by_row(key, train):
    trained = train(key)
    if trained.module.spec.runtime == "forecast":
        pytest.skip("a forecast answers by user and month, not by row")
    rows = trained.parts.test.drop(columns=["intent", "entities", "defaulted", "output"], errors="ignore").head(20)
    answers = trained.module.predict_frame(trained.model, rows)
    assert len(answers) == len(rows)
    assert set(rows.columns) <= set(answers.columns)
    assert len(answers.columns) > len(rows.columns)


def test_a_forecast_of_a_frame_has_a_row_for_each_user(key, train):
    trained = train(key)
    if trained.module.spec.runtime != "forecast":
        pytest.skip("answers row by row")
    answers = trained.module.predict_frame(trained.model, trained.parts.train)
    assert set(answers["user_id"]) == set(trained.parts.train["user_id"])


def test_too_little_to_learn_from_is_said(key):
    from nivesh.errors import DataError
    from tests.conformance.conftest import few_rows

    module = models.get(key)
    with pytest.raises(DataError, match="at least|or more|needs? [0-9]"):
        parts = module.split(few_rows(key).head(5), 0)
        module.fit(parts.train, progress=lambda *step: None)


def test_answer_type_describes_the_answer(key):
    assert TypeAdapter(models.get(key).Answer).json_schema()
