import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import data, models
from nivesh.errors import DataError, SettingsError
from nivesh.models import intent_classifier as module
from nivesh.models.intent_classifier import outside

TINY = {
    "epochs": 1,
    "frozen_layers": 5,
    "max_tokens": 24,
}  # trains one layer once: enough to see that all parts fit together


@pytest.fixture(scope="module", autouse=True)
def few_texts(tmp_path_factory):
    """A data folder with 14 texts of each intent and none of no intent."""
    folder = tmp_path_factory.mktemp("data")
    frame = data.read("intents").groupby("intent").head(14)
    frame.to_json(folder / "intents.jsonl", orient="records", lines=True, force_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIVESH_DATA_DIR", str(folder))
        yield


@pytest.fixture(scope="module")
def parts():
    frame = data.read("intents")
    return module.split(module.build_features(frame), seed=0)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def model(parts, told):
    return module.fit(parts.train, progress=lambda share, text: told.append((share, text)), **TINY)


# The served surface


def test_an_answer_has_the_guides_form(model):
    (answer,) = module.predict(model, [module.Request(**module.SPEC.example).model_dump()])
    checked = module.Answer.model_validate(answer)
    assert len(checked.alternatives) == 3
    ranked = [checked, *checked.alternatives]
    assert [one.confidence for one in ranked] == sorted((one.confidence for one in ranked), reverse=True)
    assert len({one.intent for one in ranked}) == 4
    assert sum(one.confidence for one in ranked) <= 1 + 1e-9


def test_answers_do_not_depend_on_what_else_is_asked(model):
    texts = ["hi", "How much did I spend on food last month and the month before it?", "best SIP", "EMI?"]
    together = module.predict(model, [{"query": text} for text in texts])
    for text, answer in zip(texts, together, strict=True):
        (alone,) = module.predict(model, [{"query": text}])
        assert alone["intent"] == answer["intent"]
        assert alone["confidence"] == pytest.approx(answer["confidence"], abs=1e-4)


@pytest.mark.parametrize("text", ["🎉", "₹", "क्या मैं कार खरीद सकता हूँ?", "?", "a" * 2000, "loan " * 400, "\u200b.", "1"])
def test_odd_texts_are_answered(model, text):
    (answer,) = module.predict(model, [{"query": text}])
    module.Answer.model_validate(answer)


def test_no_requests_give_no_answers(model):
    assert module.predict(model, []) == []


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": "  \n"}, {"query": "x" * 2001}, {"query": "x", "user": 1}]
)
def test_requests_that_are_refused(body):
    with pytest.raises(ValidationError):
        module.Request(**body)


def test_requests_are_stripped():
    assert module.Request(query="  hi \n").query == "hi"


def test_a_saved_model_answers_the_same(model, parts, tmp_path):
    module.save(model, tmp_path)
    loaded = module.load(tmp_path)
    texts = parts.test["text"].tolist()
    np.testing.assert_array_equal(loaded.probabilities(texts), model.probabilities(texts))
    assert module.evaluate(loaded, parts.test) == module.evaluate(model, parts.test)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(DataError, match="no classifier.json"):
        module.load(tmp_path)


def test_serving_imports_no_training_code(model, tmp_path):
    module.save(model, tmp_path)
    code = (
        "import sys; from pathlib import Path; from nivesh.models import intent_classifier as m\n"
        "m.predict(m.load(Path(sys.argv[1])), [{'query': 'hi'}])\n"
        "print([n for n in ('torch', 'transformers', 'matplotlib', 'sklearn', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_guides_class(model, tmp_path):
    module.save(model, tmp_path)
    classifier = module.IntentClassifier()
    assert classifier.load_model(tmp_path) is classifier
    assert set(classifier.predict("Can I afford a car loan?")) == {"intent", "confidence", "alternatives"}
    assert classifier.predict("why " * 5000)["confidence"] <= 1
    for empty in ("", "   "):
        with pytest.raises(DataError, match="empty"):
            classifier.predict(empty)
    with pytest.raises(DataError, match="must be a string"):
        classifier.predict(None)


# Training and measuring


def test_training_tells_its_progress(model, told):
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert len(shares) > 5


def test_torch_and_onnx_agree(model):
    assert model.facts["parity"] < 1e-3


def test_params_are_the_keyword_arguments_of_fit():
    assert models.parameters("intent_classifier", {"epochs": 2})["epochs"] == 2


def test_the_baseline_is_measured_on_the_same_rows(model, parts):
    metrics = module.evaluate(model, parts.test)
    guess = np.array(model.intents)[model.ngram_guess(parts.test["text"].tolist())]
    assert metrics["baseline_accuracy"] == np.mean(guess == parts.test["intent"])
    assert metrics["rows"] == len(parts.test) == sum(row["support"] for row in metrics["per_intent"].values())
    json.dumps(metrics, allow_nan=False)


def test_a_strangers_file_with_one_intent_can_be_measured(model):
    metrics = module.evaluate(model, pd.DataFrame({"text": ["old or new regime?"], "intent": ["tax_planning"]}))
    assert metrics["accuracy"] in (0.0, 1.0)
    with pytest.raises(DataError, match="no rows"):
        module.evaluate(model, pd.DataFrame({"text": [], "intent": []}))


def test_frames_get_two_columns(model, parts):
    told = module.predict_frame(model, parts.test)
    assert list(told["text"]) == list(parts.test["text"])
    assert set(told["predicted_intent"]) <= set(model.intents)


def test_plots_and_report(model, parts, tmp_path):
    paths = module.plot(model, parts.test, tmp_path)
    assert {path.name for path in paths} == {"confusion_matrix.png", "reliability.png", "classification_report.json"}
    report = json.loads((tmp_path / "classification_report.json").read_text())
    assert report["weighted avg"]["support"] == len(parts.test)


def test_too_little_to_learn_from():
    few = pd.DataFrame(
        {"text": [f"text {i}" for i in range(12)], "intent": ["tax_planning"] * 8 + ["loan_inquiry"] * 4}
    )
    with pytest.raises(DataError, match="loan_inquiry has 4 texts"):
        module.fit(few, progress=lambda *_: None, **TINY)
    with pytest.raises(DataError, match="at least 2 intents"):
        module.fit(few.head(8), progress=lambda *_: None, **TINY)
    with pytest.raises(DataError, match="cannot be divided"):
        module.split(few.head(0), seed=0)


@pytest.mark.parametrize("params", [{"epochs": 0}, {"inner_share": 0.0}, {"frozen_layers": 6}, {"batch_size": 0}])
def test_parameters_out_of_range(parts, params):
    with pytest.raises(SettingsError):
        module.fit(parts.train, progress=lambda *_: None, **TINY | params)


def test_every_intent_is_held_out_in_proportion(parts):
    assert parts.test["intent"].nunique() == 14
    assert parts.test["intent"].value_counts().max() <= 3


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A data folder that holds nothing yet."""
    monkeypatch.setenv("NIVESH_DATA_DIR", str(tmp_path))
    return tmp_path


def test_with_outside_texts_the_model_doubts(parts, elsewhere):
    subjects = [
        "cricket score",
        "weather forecast",
        "movie song",
        "pasta recipe",
        "train to Pune",
        "bus in Agra",
        "poem on rain",
    ]
    texts = [f"{verb} the {subject}" for verb in ("tell me", "show", "find", "read out") for subject in subjects]
    (elsewhere / outside.FILE).write_text("\n".join(json.dumps({"text": text}) for text in texts))
    model = module.fit(parts.train, progress=lambda *_: None, **TINY)
    assert model.outside and model.facts["outside_texts"] < len(texts)
    assert module.evaluate(model, parts.test)["oos"]["auroc"] > 0.7
    sums = model.probabilities(["tell me the cricket score", "Can I afford a car loan?"]).sum(axis=1)
    assert sums[0] < sums[1] <= 1
