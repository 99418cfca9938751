import json
import os
import threading

import pandas as pd
import pytest

from nivesh.data import dialect
from nivesh.errors import DataError, SettingsError
from nivesh.serving import batch

HEADER = "transaction_id,user_id,timestamp,amount,direction,category,merchant,account,city"


def statement(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


LATER_FIRST = statement(
    "007,u1,2025-03-01,100,debit,food,Cafe,a,Pune",
    "008,u1,2025-01-01,50,debit,food,Cafe,a,",
    "009,u1,2025-02-01,NaN,debit,food,Cafe,a,Pune".replace("NaN", "75"),
)


class Double:
    """A model of transactions that answers with the double of the amount, and evaluates by counting."""

    class spec:
        dataset = "transactions"

    build_features = staticmethod(lambda rows: rows.assign(feature=1.0))

    @staticmethod
    def evaluate(model, rows, history=None):
        return {"rows": len(rows), "history": 0 if history is None else len(history)}

    @staticmethod
    def predict_frame(model, rows):
        assert rows["timestamp"].is_monotonic_increasing
        if (rows["amount"] == 13).any():
            raise DataError("bad row")
        return rows.assign(answer=(rows["amount"] * 2).where(rows["city"] != ""), direction_found="debit")


@pytest.fixture
def double(monkeypatch, tmp_path):
    """double(text) -> path of a file of transactions, for a model that doubles their amounts."""
    monkeypatch.setattr(batch, "load_version", lambda key, version: (None, Double, None))

    def write(text: str = LATER_FIRST, name: str = "in.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_writers_keep_nested_answers_and_mixed_values(tmp_path):
    frame = pd.DataFrame({"text": ["₹5", "₹6"], "entities": [[{"label": "MONEY"}], []], "id": [7, "x"]})
    for suffix, write in batch.WRITERS.items():
        write(frame, tmp_path / f"out{suffix}")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"text": "₹5", "entities": [{"label": "MONEY"}], "id": 7}
    assert json.loads(pd.read_csv(tmp_path / "out.csv")["entities"][0]) == [{"label": "MONEY"}]
    parquet = pd.read_parquet(tmp_path / "out.parquet")
    assert parquet["text"].tolist() == ["₹5", "₹6"] and parquet["id"].tolist() == ["7", '"x"']


def test_rows_before_from_are_history(double):
    path = double()
    assert batch.evaluate("toy", path) == {"rows": 3, "history": 0}
    assert batch.evaluate("toy", path, pd.Timestamp("2025-02-01")) == {"rows": 2, "history": 1}
    with pytest.raises(DataError, match="no rows from 2026-01-01; the last is of 2025-03-01"):
        batch.evaluate("toy", path, pd.Timestamp("2026-01-01"))


def test_from_needs_a_timestamp(double, monkeypatch, tmp_path):
    monkeypatch.setattr(Double.spec, "dataset", "intents")
    path = double('{"text": "hi", "intent": "general_question"}', "in.jsonl")
    with pytest.raises(SettingsError, match="no timestamp"):
        batch.evaluate("toy", path, pd.Timestamp("2025-02-01"))


@pytest.mark.parametrize("name", ["out.csv", "out.CSV", "out.jsonl", "out.Parquet"])
def test_the_files_own_columns_and_order_come_back(double, tmp_path, name):
    text = LATER_FIRST.replace("transaction_id,", "Txn Ref,").replace(",city", ",city,answer").replace("\n00", "\n00")
    text = "\n".join(line + (",mine" if line[:1] == "0" else "") for line in text.splitlines())
    target = tmp_path / "deep" / name
    answered = batch.predict("toy", double(text), target, dialect=dialect.parse("columns: {transaction_id: Txn Ref}"))
    assert answered.rows == 3
    readers = {
        "csv": lambda: pd.read_csv(target, dtype={"Txn Ref": str}),
        "jsonl": lambda: pd.read_json(target, lines=True, dtype={"Txn Ref": str}),
        "parquet": lambda: pd.read_parquet(target),
    }
    read = readers[name.partition(".")[2].lower()]()
    assert read.columns.tolist() == [*text.splitlines()[0].split(","), "predicted_answer", "direction_found"]
    assert read["Txn Ref"].tolist() == ["007", "008", "009"]
    assert read["amount"].tolist() == [100, 50, 75]
    assert set(read["answer"]) == {"mine"}
    assert read["predicted_answer"].fillna(-1).tolist() == [200, -1, 150]


def test_fields_of_json_lines_come_back_in_their_order(double, monkeypatch, tmp_path):
    class Intents(Double):
        class spec:
            dataset = "intents"

        build_features = staticmethod(lambda rows: rows)
        predict_frame = staticmethod(lambda model, rows: rows.assign(intent="tax_planning"))

    monkeypatch.setattr(batch, "load_version", lambda key, version: (None, Intents, None))
    path = double('{"id": 7, "text": "a", "lang": "en"}\n{"id": "x", "text": "a", "intent": null}\n', "in.jsonl")
    batch.predict("toy", path, tmp_path / "out.jsonl")
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [
        {"id": 7, "text": "a", "lang": "en", "intent": None, "predicted_intent": "tax_planning"},
        {"id": "x", "text": "a", "lang": None, "intent": None, "predicted_intent": "tax_planning"},
    ]


def test_nan_is_null_in_json(double, tmp_path):
    batch.predict("toy", double(), tmp_path / "out.jsonl")
    answers = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "out.jsonl").open()]
    assert [answer["answer"] for answer in answers] == [200, None, 150]


def test_a_pipe_is_read(double, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(LATER_FIRST))
    double()
    writer.start()
    assert batch.predict("toy", pipe, tmp_path / "out.csv").rows == 3
    writer.join()


def test_targets_that_are_refused_before_anything_is_done(double, tmp_path):
    source = double()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "file").write_text("")
    for target, message in (
        (tmp_path / "out.xlsx", "must end in one of .jsonl, .csv, .parquet"),
        (tmp_path, "is a folder; give the name of a file"),
        (source, "is the input"),
        (tmp_path / "link.csv", "is the input"),
        (tmp_path / "file" / "out.csv", "cannot be written"),
    ):
        with pytest.raises(SettingsError, match=message):
            batch.predict("toy", source, target)
    assert source.read_text() == LATER_FIRST


def test_answers_are_written_whole_or_not_at_all(double, tmp_path):
    with pytest.raises(DataError, match="bad row"):
        batch.predict("toy", double(statement("1,u1,2025-03-01,13,debit,food,Cafe,a,Pune")), tmp_path / "other.csv")
    assert not list(tmp_path.glob("*other*"))
