import json

import pytest
import spacy
from spacy.tokens import DocBin

from nivesh import data
from nivesh.errors import DataError

GOOD = (
    '{"text": "I spent ₹5000 on groceries", "entities": [{"text": "₹5000", "label": "MONEY", "start": 8, "end": 13}]}'
)


def file(tmp_path, content: str, name: str = "rows.jsonl"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def test_samples_pass_their_own_rules():
    intents, ner = data.read("intents"), data.read("ner")
    assert intents["intent"].nunique() == 15 and "out_of_scope" in set(intents["intent"])
    assert {"Hinglish", "long", "short commands"} < set(intents["voice"].dropna())
    assert {span["label"] for spans in ner["entities"] for span in spans} == {
        "MONEY", "DATE", "CATEGORY", "MERCHANT", "ACCOUNT",
    }  # fmt: skip


def test_intents_take_json_lines_and_the_guides_list(tmp_path):
    rows = [{"text": "hi there", "intent": "general_question"}, {"query": "file my ITR", "intent": "tax_planning"}]
    lines = data.read("intents", file(tmp_path, "\n".join(map(json.dumps, rows))))
    listed = data.read("intents", file(tmp_path, json.dumps(rows), "rows.json"))
    assert lines.equals(listed)
    assert lines["text"].tolist() == ["hi there", "file my ITR"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"text": "hi", "intent": "general_question"}\n{"text": "x", "intent": " "}',
            "line 2: intent ' ' is no name",
        ),
        ('{"txt": "hi", "intent": "general_question"}', 'line 1: "text" is missing or empty; found the fields txt'),
        (
            '{"text": "hi", "intent": "general_question"}\n{"text": " HI ", "intent": "tax_planning"}',
            "line 2: .*line 1",
        ),
        ('{"text": "hi", ', "line 1: not JSON"),
        ('[{"text": "hi"}, ', "not JSON"),
        ("\n\n", "no rows"),
        ("", "the file is empty"),
        (json.dumps({"text": "a" * 2001, "intent": "tax_planning"}), "2001 characters; at most 2000"),
    ],
)
def test_broken_intents_name_the_row(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        data.read("intents", file(tmp_path, content))


def test_the_labels_are_those_of_the_file(tmp_path):
    intents = data.read("intents", file(tmp_path, '{"text": "hi", "intent": "weather"}'))
    assert intents["intent"].tolist() == ["weather"]
    (spans,) = data.read("ner", file(tmp_path, entities({"label": "COIN", "start": 8, "end": 13})))["entities"]
    assert spans[0]["label"] == "COIN"


def test_intents_take_a_table_by_its_dialect(tmp_path):
    path = file(tmp_path, 'text,category\nmy card has not come,card_arrival\n"why, again?",card_arrival\n', "train.csv")
    rows = data.read("intents", path, dialect=data.Dialect(columns={"intent": "category"}))
    assert rows.to_dict("list") == {
        "text": ["my card has not come", "why, again?"], "intent": ["card_arrival", "card_arrival"],
    }  # fmt: skip
    with pytest.raises(DataError, match="column intent is missing; found text, category; write columns: {intent"):
        data.read("intents", path)
    assert data.read("intents", path, labelled=False)["text"].tolist() == rows["text"].tolist()
    with pytest.raises(DataError, match="row 3: intent '' is no name"):
        data.read("intents", file(tmp_path, "text,intent\na b,x\nc d,\n", "gap.csv"))


def test_rows_to_be_predicted_need_no_label_and_may_repeat(tmp_path):
    path = file(tmp_path, '{"text": "hi"}\n{"text": "hi"}')
    assert data.read("intents", path, labelled=False)["text"].tolist() == ["hi", "hi"]
    assert data.read("ner", path, labelled=False)["text"].tolist() == ["hi", "hi"]


def test_ner_takes_spacy_tuples_and_docbin(tmp_path):
    expected = data.read("ner", file(tmp_path, GOOD))
    tuples = data.read(
        "ner", file(tmp_path, '[["I spent ₹5000 on groceries", {"entities": [[8, 13, "MONEY"]]}]]', "t.json")
    )
    doc = spacy.blank("en")("I spent ₹5000 on groceries")
    doc.ents = [doc.char_span(8, 13, "MONEY")]
    DocBin(docs=[doc]).to_disk(tmp_path / "rows.spacy")
    assert tuples.equals(expected)
    assert data.read("ner", tmp_path / "rows.spacy").equals(expected)


def entities(*spans: dict | str) -> str:
    return json.dumps({"text": "I spent ₹5000 on groceries", "entities": list(spans)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (entities({"start": 8, "end": 13}), "label None is no name"),
        (entities({"label": "MONEY", "start": 8, "end": 99}), "not inside the text of 26 characters"),
        (entities({"label": "MONEY", "start": 8, "end": 13, "text": "5000"}), "8-13 reads '₹5000', not '5000'"),
        (entities({"label": "MONEY", "start": 7, "end": 13}), "begins or ends with a space"),
        (entities({"label": "MONEY", "start": 8, "end": 13}, {"label": "DATE", "start": 10, "end": 16}), "overlap"),
        ('{"text": "hi"}', '"entities" must be a list'),
        (GOOD + "\n" + GOOD, "line 2: rows.jsonl line 1 has the same text"),
        (entities("₹5000"), "an entity is '₹5000'"),
    ],
)
def test_broken_entities_name_the_row(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        data.read("ner", file(tmp_path, content))


def test_what_is_no_text_file(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(b"\xffbad")
    with pytest.raises(DataError, match="not UTF-8"):
        data.read("intents", tmp_path / "rows.jsonl")
    (tmp_path / "rows.spacy").write_bytes(b"no doc bin")
    with pytest.raises(DataError, match="not a spaCy DocBin"):
        data.read("ner", tmp_path / "rows.spacy")
    with pytest.raises(DataError, match="does not exist"):
        data.read("ner", tmp_path / "absent.jsonl")


def test_entities_survive_storage_between_steps(tmp_path):
    frame = data.read("ner").head(20)
    data.write_parquet(frame, tmp_path / "rows")
    assert data.read_parquet(tmp_path / "rows")["entities"].tolist() == frame["entities"].tolist()
