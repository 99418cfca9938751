import json

import pandas as pd
import pytest

from nivesh.errors import DataError, SettingsError
from nivesh.serving import batch


def test_writers_keep_nested_answers(tmp_path):
    frame = pd.DataFrame({"text": ["₹5"], "entities": [[{"label": "MONEY"}]]})
    for suffix, write in batch.WRITERS.items():
        write(frame, tmp_path / f"out{suffix}")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {"text": "₹5", "entities": [{"label": "MONEY"}]}
    assert json.loads(pd.read_csv(tmp_path / "out.csv")["entities"][0]) == [{"label": "MONEY"}]
    assert pd.read_parquet(tmp_path / "out.parquet")["text"].tolist() == ["₹5"]


def test_an_unknown_format_is_refused_before_anything_is_done(home, tmp_path):
    with pytest.raises(SettingsError, match="must end in one of .jsonl, .csv, .parquet"):
        batch.predict("credit_risk", tmp_path / "in.csv", tmp_path / "out.xlsx")


class Twice:
    """A model module that answers with the double of x, and judges by counting."""

    class spec:
        dataset = "toy"

    build_features = staticmethod(lambda rows: rows)

    @staticmethod
    def evaluate(model, rows, history=None):
        return {"rows": len(rows), "history": 0 if history is None else len(history)}

    @staticmethod
    def predict_frame(model, rows):
        if "fail" in rows:
            raise DataError("bad row")
        return rows.assign(answer=rows["x"] * 2)


@pytest.fixture
def twice(monkeypatch):
    def use(frame: pd.DataFrame):
        monkeypatch.setattr(batch, "load_version", lambda key, version: (None, Twice, None))
        monkeypatch.setattr(batch.data, "read", lambda *_, **__: frame)

    return use


def test_from_divides_history_from_what_is_judged(twice, tmp_path):
    twice(pd.DataFrame({"x": [1, 2, 3], "timestamp": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"])}))
    assert batch.evaluate("toy", tmp_path / "f") == {"rows": 3, "history": 0}
    assert batch.evaluate("toy", tmp_path / "f", pd.Timestamp("2025-02-01")) == {"rows": 2, "history": 1}
    with pytest.raises(DataError, match="no rows from 2026-01-01; the last is of 2025-03-01"):
        batch.evaluate("toy", tmp_path / "f", pd.Timestamp("2026-01-01"))


def test_from_needs_a_timestamp(twice, tmp_path):
    twice(pd.DataFrame({"x": [1]}))
    with pytest.raises(SettingsError, match="no timestamp"):
        batch.evaluate("toy", tmp_path / "f", pd.Timestamp("2025-02-01"))


def test_answers_are_written_whole_or_not_at_all(twice, tmp_path):
    twice(pd.DataFrame({"x": [1, 2]}))
    assert batch.predict("toy", tmp_path / "in", tmp_path / "deep" / "out.csv") == 2
    assert pd.read_csv(tmp_path / "deep" / "out.csv")["answer"].tolist() == [2, 4]
    twice(pd.DataFrame({"x": [1], "fail": [1]}))
    with pytest.raises(DataError):
        batch.predict("toy", tmp_path / "in", tmp_path / "other.csv")
    assert not list(tmp_path.glob("*other*"))
