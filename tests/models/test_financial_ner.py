import json
import subprocess
import sys
import threading

import pytest
from pydantic import ValidationError

from nivesh import FinancialNER, data, models
from nivesh.errors import BundleError, DataError
from nivesh.registry.gate import decide
from nivesh.text.cleaning import clean

ner = models.get("financial_ner")
LABELS = {"MONEY", "DATE", "CATEGORY", "MERCHANT", "ACCOUNT", "PRODUCT"}

ODD = "\u200bpaid ₹5\u200b00\u200e to cafe\u0301 Swig\u00adgy on 5\ufe0f March\u200f"
TEXTS = (
    "I spent ₹5000 on groceries",
    "  two  spaces,\tand a tab\nthen ₹ 1,20,000/- 🙂",
    "नमस्ते, मैंने ₹५०० Swiggy पर खर्च किए 👨‍👩‍👧",
    "🙂🙂🙂",
    "x",
    ODD,
    "@zomato pe 2.5lakh@5k???",
    "paid 500 to Ramu Kirana yesterday. " * 57,
    "a" * 2000,
    "🙂" * 2000,
)


@pytest.fixture(scope="module")
def rows():
    """Rows with a sixth label: every second row has PRODUCT in place of CATEGORY."""
    frame = data.read("ner").head(140)
    for spans in frame["entities"].iloc[::2]:
        for span in spans:
            span["label"] = "PRODUCT" if span["label"] == "CATEGORY" else span["label"]
    return frame


@pytest.fixture(scope="module")
def parts(rows):
    return ner.split(rows, seed=1)


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def model(parts, steps):
    return ner.fit(
        parts.train,
        progress=lambda share, text: steps.append((share, text)),
        iterations=2,
        frozen_layers=4,
        min_texts=0,
        seed=3,
    )


@pytest.fixture(scope="module")
def reloaded(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ner.save(model, folder)
    return ner.load(folder)


def test_training_reports_progress(model, steps):
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1 and len(shares) > 5


def test_the_labels_are_those_of_the_rows(reloaded, rows):
    assert ner.labels(reloaded) == ner.labels_in(rows) == sorted(LABELS)


def test_it_learns_more_than_nothing(reloaded, parts):
    metrics = ner.evaluate(reloaded, parts.test, history=parts.train)
    assert metrics["f1"] > 0.1
    assert set(metrics["per_entity"]) == LABELS
    assert set(metrics["per_entity"]["MONEY"]) == {"f1", "precision", "recall", "support"}
    assert 0 < metrics["baseline_f1"] < 1
    assert metrics["slices"]["english"]["rows"] + metrics["slices"]["hinglish"]["rows"] == len(parts.test)


def test_a_file_without_one_of_the_labels_says_what_was_not_measured(reloaded, parts):
    assert "not_measured" not in ner.evaluate(reloaded, parts.test)
    spans = [[span for span in row if span["label"] != "ACCOUNT"] for row in parts.test["entities"]]
    metrics = ner.evaluate(reloaded, parts.test.assign(entities=spans))
    assert metrics["not_measured"] == {"per_entity.ACCOUNT.f1": "no held-out ACCOUNT"}
    verdict = decide(ner.spec, metrics | {"baseline_f1": 0.0})
    assert verdict.passed and "not measured: per_entity.ACCOUNT.f1 (no held-out ACCOUNT)" in verdict.reason
    assert not any("ACCOUNT" in missed for missed in verdict.missed)


def test_perfect_answers_score_one(reloaded, rows):
    answered = ner.predict_frame(reloaded, rows.head(20))
    judged = answered.assign(entities=answered["predicted"])
    assert ner.evaluate(reloaded, judged)["f1"] == 1


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_are_those_of_the_text_as_given(reloaded, text):
    [spans] = ner.predict(reloaded, [ner.Request(text=text).model_dump()])
    ends = 0
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"] == span["text"].strip()
        assert span["start"] >= ends and span["label"] in LABELS
        ends = span["end"]
    ner.Answer.model_validate(spans)


def test_invisible_characters_change_no_answer(reloaded):
    plain = "paid ₹500 to caf\u00e9 Swiggy on 5 March"
    found, expected = ner.predict(reloaded, [{"text": ODD}, {"text": plain}])
    assert [(clean(span["text"]), span["label"]) for span in found] == [(s["text"], s["label"]) for s in expected]


def test_a_saved_model_predicts_the_same(model, reloaded):
    requests = [{"text": text} for text in TEXTS]
    assert ner.predict(model, requests) == ner.predict(reloaded, requests)


def test_saved_files_run_no_code(model, tmp_path):
    ner.save(model, tmp_path)
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"config.cfg", "network.onnx", "tags.json", "baseline.json"} <= names
    assert not any(name.endswith((".pkl", ".pickle", ".joblib", ".pt", ".bin")) for name in names)


def test_one_seed_gives_one_model(parts):
    small = parts.train.head(52)
    answers = []
    for _ in range(2):
        fitted = ner.fit(small, progress=lambda *_: None, iterations=1, frozen_layers=5, min_texts=0, seed=5)
        answers.append(fitted.nlp.get_pipe("nivesh_entity_tagger").scores(fitted.nlp.make_doc(TEXTS[0])))
    assert (answers[0] == answers[1]).all()


def test_serving_needs_no_training_packages(model, tmp_path):
    ner.save(model, tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "for name in ('torch', 'transformers', 'matplotlib', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        "from nivesh import models; m = models.get('financial_ner')\n"
        "print(m.predict(m.load(Path(sys.argv[1])), [{'text': 'x'}]))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)


def test_threads_do_not_disturb_each_other(reloaded, rows):
    texts = rows["text"].head(20).tolist()
    alone = ner.predict(reloaded, [{"text": text} for text in texts])
    together = [None] * len(texts)

    def answer(i):
        together[i] = ner.predict(reloaded, [{"text": texts[i]}])[0]

    threads = [threading.Thread(target=answer, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "  \n"},
        {"text": "\u200b\u200b"},
        {"text": "x" * 2001},
        {"text": 5},
        {"text": None},
        {"text": "hi", "more": 1},
    ],
)
def test_requests_that_are_refused(body):
    with pytest.raises(ValidationError):
        ner.Request.model_validate(body)


def test_predict_names_the_request_that_it_cannot_use(reloaded):
    with pytest.raises(DataError, match="request 2: give a text"):
        ner.predict(reloaded, [{"text": "hello"}, {"text": " "}])


def test_too_little_to_train_on_is_refused(rows):
    with pytest.raises(DataError, match="too little to train on: 10 texts"):
        ner.fit(rows.head(10), progress=lambda *_: None)
    accounts = [i for i, spans in enumerate(rows["entities"]) if any(s["label"] == "ACCOUNT" for s in spans)]
    few = rows.drop(index=accounts[3:])
    with pytest.raises(DataError, match=r"\b[3-9] ACCOUNT"):
        ner.fit(few, progress=lambda *_: None)


def test_iterations_is_a_parameter():
    assert ner.parameters({"iterations": 30})["iterations"] == 30


def test_plots_and_error_analysis(reloaded, parts, tmp_path):
    paths = ner.plot(reloaded, parts.test, tmp_path)
    assert [path.suffix for path in paths] == [".png", ".png"] and all(path.stat().st_size > 5000 for path in paths)
    analysis = json.loads((tmp_path / "error_analysis.json").read_text())
    assert all({"kind", "text", "true", "found", "count"} == set(error) for error in analysis)


def test_the_python_object_loads_a_folder(model, tmp_path):
    ner.save(model, tmp_path)
    extractor = FinancialNER().load_model(tmp_path)
    assert isinstance(extractor, FinancialNER)
    assert extractor.predict(TEXTS[0]) == ner.predict(model, [{"text": TEXTS[0]}])[0]


def test_a_broken_folder_is_named(model, tmp_path):
    with pytest.raises(BundleError, match="no financial_ner model can be read"):
        ner.load(tmp_path)
    ner.save(model, tmp_path)
    next(tmp_path.rglob("tags.json")).write_text('{"tags": ["O"]}')
    with pytest.raises(BundleError, match="cannot be read"):
        ner.load(tmp_path)
