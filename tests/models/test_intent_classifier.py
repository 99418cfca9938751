import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nivesh import IntentClassifier, data, models
from nivesh.errors import DataError, SettingsError
from nivesh.models.intent_classifier import training
from nivesh.models.intent_classifier.inference import softmax

module = models.get("intent_classifier")
TINY = {
    "epochs": 1,
    "frozen_layers": 5,
    "max_tokens": 24,
}  # trains one layer once: enough to see that all parts fit together


@pytest.fixture(scope="module")
def parts():
    """14 texts of each intent, among them one that the shipped data do not have."""
    frame = data.read("intents")
    further = frame[frame["intent"] == "general_question"].tail(14).assign(intent="small_talk")
    frame = pd.concat([frame.groupby("intent").head(14), further], ignore_index=True)
    return module.split(module.build_features(frame), seed=0)


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def model(parts, steps):
    return module.fit(parts.train, progress=lambda share, text: steps.append((share, text)), **TINY)


# The served surface


def test_an_answer_has_the_guides_form(model):
    (answer,) = module.predict(model, [module.Request(**module.spec.example).model_dump()])
    checked = module.Answer.model_validate(answer)
    assert len(checked.alternatives) == 3
    ranked = [checked, *checked.alternatives]
    assert [item.confidence for item in ranked] == sorted((item.confidence for item in ranked), reverse=True)
    assert len({item.intent for item in ranked}) == 4
    assert sum(item.confidence for item in ranked) <= 1 + 1e-9


def test_an_answer_does_not_depend_on_its_batch(model):
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


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Can I af\u200bford a car\u00ad loan?", "Can I afford a car loan?"),
        ("\u202ecafe\u0301 bill\u202c", "caf\u00e9 bill"),
        ("SIP\U000e0041 kaise\ufe0f karu\x00", "SIP kaise karu"),
    ],
)
def test_invisible_characters_change_no_answer(model, written, same):
    assert module.predict(model, [{"query": written}]) == module.predict(model, [{"query": same}])


def test_no_requests_give_no_answers(model):
    assert module.predict(model, []) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"query": ""}, {"query": "  \n"}, {"query": "x" * 2001}, {"query": "x", "user": 1}, {"query": "\u200b\u200b"}],
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
        "import sys; from pathlib import Path; from nivesh import models; m = models.get('intent_classifier')\n"
        "m.predict(m.load(Path(sys.argv[1])), [{'query': 'hi'}])\n"
        "print([n for n in ('torch', 'transformers', 'matplotlib', 'sklearn', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_guides_class(model, tmp_path):
    module.save(model, tmp_path)
    classifier = IntentClassifier()
    assert classifier.load_model(tmp_path) is classifier
    assert set(classifier.predict("Can I afford a car loan?")) == {"intent", "confidence", "alternatives"}
    assert classifier.predict("why " * 5000)["confidence"] <= 1
    for empty in ("", "   "):
        with pytest.raises(DataError, match="empty"):
            classifier.predict(empty)
    with pytest.raises(DataError, match="must be a string"):
        classifier.predict(None)


# Training and measuring


def test_the_labels_are_those_of_the_rows(model, parts):
    assert module.labels(model) == module.labels_in(parts.train)
    assert len(model.intents) == 15 and "small_talk" in model.intents


def test_training_reports_progress(model, steps):
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert len(shares) > 5


def test_torch_and_onnx_agree(model):
    assert model.facts["parity"] < 1e-3


def test_parameters_are_the_keyword_arguments_of_fit():
    assert module.parameters({"epochs": 2})["epochs"] == 2


def test_the_baseline_is_measured_on_the_same_rows(model, parts):
    metrics = module.evaluate(model, parts.test)
    rows = parts.test[parts.test["intent"] != "out_of_scope"]
    probabilities = softmax(model.ngrams.logits(rows["text"].tolist()))[:, : len(model.intents)]
    guess = np.array(model.intents)[probabilities.argmax(axis=1)]
    assert metrics["baseline_accuracy"] == np.mean(guess == rows["intent"])
    assert metrics["rows"] == len(rows) == sum(row["support"] for row in metrics["per_intent"].values())
    assert metrics["out_of_scope"]["rows"] == len(parts.test) - len(rows) > 0
    json.dumps(metrics, allow_nan=False)


def test_a_file_with_one_intent_can_be_measured(model):
    metrics = module.evaluate(model, pd.DataFrame({"text": ["old or new regime?"], "intent": ["tax_planning"]}))
    assert metrics["accuracy"] in (0.0, 1.0)
    with pytest.raises(DataError, match="no rows"):
        module.evaluate(model, pd.DataFrame({"text": [], "intent": []}))


def test_frames_get_two_columns(model, parts):
    predicted = module.predict_frame(model, parts.test)
    assert list(predicted["text"]) == list(parts.test["text"])
    assert set(predicted["predicted_intent"]) <= set(model.intents)


def test_plots_and_report(model, parts, tmp_path):
    paths = module.plot(model, parts.test, tmp_path)
    assert {path.name for path in paths} == {"confusion_matrix.png", "reliability.png", "classification_report.json"}
    report = json.loads((tmp_path / "classification_report.json").read_text())
    assert report["weighted avg"]["support"] == (parts.test["intent"] != "out_of_scope").sum()


def test_too_little_to_train_on():
    few = pd.DataFrame(
        {"text": [f"text {i}" for i in range(12)], "intent": ["tax_planning"] * 8 + ["loan_inquiry"] * 4}
    )
    with pytest.raises(DataError, match="loan_inquiry has 4 texts"):
        module.fit(few, progress=lambda *_: None, **TINY)
    with pytest.raises(DataError, match="at least 2 intents"):
        module.fit(few.head(8), progress=lambda *_: None, **TINY)
    with pytest.raises(DataError, match="cannot be split"):
        module.split(few.head(0), seed=0)


@pytest.mark.parametrize("params", [{"epochs": 0}, {"inner_share": 0.0}, {"frozen_layers": 6}, {"batch_size": 0}])
def test_parameters_out_of_range(parts, params):
    with pytest.raises(SettingsError):
        module.fit(parts.train, progress=lambda *_: None, **TINY | params)


def test_every_intent_is_held_out_in_proportion(parts):
    assert parts.test["intent"].nunique() == 16
    assert parts.test["intent"].value_counts().max() <= 3


def test_texts_out_of_scope_are_never_answered_and_lower_the_confidence(model, parts):
    assert model.out_of_scope and "out_of_scope" not in model.intents
    outside = ["Will it rain in Ranchi tomorrow evening?", "recipe of gulab jamun", "who won the cricket match"]
    inside = parts.train.loc[parts.train["intent"] != "out_of_scope", "text"].head(30).tolist()
    assert model.probabilities(outside).sum(axis=1).mean() < model.probabilities(inside).sum(axis=1).mean() <= 1


def test_too_few_texts_out_of_scope_are_left_out(parts):
    rows = parts.train.groupby("intent").head(8)
    few = pd.concat([rows[rows["intent"] != "out_of_scope"], rows[rows["intent"] == "out_of_scope"].head(2)])
    usable, out_of_scope = training.usable(few)
    assert not out_of_scope and set(usable["intent"]) == set(rows["intent"]) - {"out_of_scope"}
