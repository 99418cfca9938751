"""Labels from tables: checked, stored once, the latest wins, joined by prediction_id."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nivesh import models
from nivesh.errors import DataError, ModelNotFound
from nivesh.monitoring.label_file import read_label_file
from nivesh.monitoring.labels import add_labels, labels_of, read_labels, unknown_ids, with_labels
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_segments import to_folder
from nivesh.store.objects import open_store
from tests.serving.test_prediction_log import row

IDS = [f"{number:032x}" for number in range(10)]
NOW = datetime.now(UTC)
GOOD: dict[str, list[Any]] = {  # as people may write them -> as they are stored
    "credit_risk": [(True, True), (0, False), ("1", True), ("no", False), (np.bool_(True), True)],
    "anomaly_detector": [(False, False), ("true", True)],
    "intent_classifier": [(" affordability_check ", "affordability_check"), ("out_of_scope", "out_of_scope")],
    "spending_predictor": [(41250.5, 41250.5), ("300", 300.0), (0, 0.0)],
    "financial_ner": [
        ([], []),
        ([{"start": 8, "end": 13, "label": "MONEY", "text": "9876543210"}], [{"start": 8, "end": 13, "label": "MONEY"}]),
        ('[{"start": 0, "end": 1, "label": "DATE"}]', [{"start": 0, "end": 1, "label": "DATE"}]),
    ],
    "gemini_advisor": [("Write to me@example.com", "Write to [EMAIL]"), ("5", "5")],
}  # fmt: skip
BAD: dict[str, list[Any]] = {
    "credit_risk": ["maybe", None, 2, [True]],
    "anomaly_detector": ["", 0.5],
    "intent_classifier": ["", None, 5, "a" * 65],
    "spending_predictor": [-1, "much", float("nan"), float("inf"), None],
    "financial_ner": ["MONEY", [{"start": 5, "end": 5, "label": "MONEY"}], [{"start": 1, "end": 2}], {"start": 1}],
    "gemini_advisor": ["", "   ", None, "a" * 8001],
}


@pytest.fixture
def monitoring(tmp_path):
    return open_store("", tmp_path / "monitoring")


def table(labels, ids=IDS, **columns):
    return pd.DataFrame({"prediction_id": ids[: len(labels)], "label": pd.Series(labels, dtype=object), **columns})


def read(key, store):
    found = read_labels(key, NOW - timedelta(days=40), NOW + timedelta(days=2), store)
    return dict(zip(found["prediction_id"], found["label"], strict=True))


@pytest.mark.parametrize("key", models.keys())
def test_labels_of_every_model_are_stored_as_they_are_meant(key, monitoring):
    given_, stored = zip(*GOOD[key], strict=True)
    assert add_labels(key, table(list(given_)), "file.csv", store=monitoring) == len(given_)
    found = read(key, monitoring)
    assert [found[one] for one in IDS[: len(stored)]] == list(stored)
    assert type(models.get(key).label_example) in {type(one) for one in stored}
    for other in set(models.keys()) - {key}:
        assert read(other, monitoring) == {}


@pytest.mark.parametrize(("key", "label"), [(key, label) for key, labels in BAD.items() for label in labels])
def test_a_label_of_another_type_stops_the_whole_table(key, label, monitoring):
    good = GOOD[key][0][0]
    with pytest.raises(DataError, match=r"outcomes.csv row 1: label: .*; give one like "):
        add_labels(key, table([good, label]), "outcomes.csv", store=monitoring)
    assert monitoring.names() == []


def test_names_are_those_of_the_model(monitoring):
    names = ["affordability_check", "savings"]
    with pytest.raises(DataError, match="intent_classifier has no loans; its labels are affordability_check, savings"):
        add_labels("intent_classifier", table(["savings", "loans"]), "a", names, monitoring)
    assert add_labels("intent_classifier", table(["savings", "out_of_scope"]), "a", names, monitoring) == 2
    spans = [{"start": 0, "end": 2, "label": "PAN"}]
    with pytest.raises(DataError, match="financial_ner has no PAN"):
        add_labels("financial_ner", table([spans]), "a", ["MONEY"], monitoring)


def test_the_latest_label_wins_whatever_the_order_of_the_files(monitoring):
    early, late = NOW - timedelta(days=30), NOW - timedelta(days=3)
    add_labels("credit_risk", table([True, True], label_time=[late] * 2), "second", store=monitoring)
    add_labels("credit_risk", table([False, False, False], label_time=[early] * 3), "first", store=monitoring)
    assert read("credit_risk", monitoring) == {IDS[0]: True, IDS[1]: True, IDS[2]: False}
    add_labels("credit_risk", table([False]), "correction, without a time: now", store=monitoring)
    assert read("credit_risk", monitoring)[IDS[0]] is False
    found = read_labels("credit_risk", early, early + timedelta(days=1), monitoring)
    assert len(found) == 3 and found["label_time"].dt.tz is not None


def test_a_table_that_is_added_again_changes_nothing_even_after_a_correction(monitoring):
    first = table([True, True])
    assert add_labels("credit_risk", first, "a.csv", store=monitoring) == 2
    assert add_labels("credit_risk", table([False]), "correction", store=monitoring) == 1
    names = monitoring.names()
    assert add_labels("credit_risk", first.iloc[::-1], "renamed.csv", store=monitoring) == 0
    assert monitoring.names() == names
    assert read("credit_risk", monitoring) == {IDS[0]: False, IDS[1]: True}
    assert add_labels("anomaly_detector", first, "a.csv", store=monitoring) == 2, "of another model it is another table"


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 30)), min_size=1, max_size=12), st.randoms())
def test_labels_are_the_same_in_any_order_and_any_grouping(rows, random):
    """Property: what is read depends on the rows alone, not on the files that they came in."""
    import tempfile
    from pathlib import Path

    def stored(groups):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store("", Path(folder))
            for group in groups:
                ids, labels, days = zip(*group, strict=True)
                times = [NOW - timedelta(days=day) for day in days]
                frame = pd.DataFrame({"prediction_id": [IDS[i] for i in ids], "label": labels, "label_time": times})
                add_labels("credit_risk", frame, "a", store=store)
            return read("credit_risk", store)

    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert stored([rows]) == stored([[one] for one in shuffled])


def test_what_is_no_label_table(monitoring):
    with pytest.raises(ModelNotFound):
        add_labels("iris", table([True]), "a", store=monitoring)
    with pytest.raises(DataError, match="no column label; found prediction_id"):
        add_labels("credit_risk", table([True])[["prediction_id"]], "a", store=monitoring)
    with pytest.raises(DataError, match="there are no labels"):
        add_labels("credit_risk", table([]), "a", store=monitoring)
    for wrong in ("", "../../x", "abc", None, 5, "0" * 32 + "-0"):
        with pytest.raises(DataError, match="row 0: prediction_id is not that of a prediction"):
            add_labels("credit_risk", table([True], ids=[wrong]), "a", store=monitoring)
    for time, message in (("soon", "is not a time"), (NOW + timedelta(days=3), "is in the future")):
        with pytest.raises(DataError, match=message):
            add_labels("credit_risk", table([True], label_time=[time]), "a", store=monitoring)


def test_predictions_get_their_labels(tmp_path, monitoring):
    log = PredictionLog(tmp_path / "segments", to_folder(tmp_path / "store"))
    for number in range(4):
        log.put(row(number, prediction_id=IDS[number], time=NOW.timestamp() - 3600 * number, answer={"score": number}))
    log.close()
    predictions_store = open_store("", tmp_path / "store")
    from nivesh.monitoring.prediction_reader import read_predictions

    predictions = read_predictions("credit_risk", NOW - timedelta(days=1), NOW + timedelta(days=1), predictions_store)
    unlabelled = labels_of("credit_risk", predictions, monitoring)
    assert unlabelled["label"].isna().all() and len(unlabelled) == 4
    ids = [IDS[3], IDS[0], IDS[9]]
    add_labels("credit_risk", table([False, True, True], ids=ids), "a", store=monitoring)
    joined = labels_of("credit_risk", predictions, monitoring).set_index("prediction_id")["label"]
    assert [joined[one] for one in IDS[:4]] == [True, None, None, False], "False is a label, None is none"
    assert unknown_ids("credit_risk", ids, 30, predictions_store) == [IDS[9]]
    assert labels_of("credit_risk", predictions.iloc[:0], monitoring).empty


def test_labels_that_are_lists_are_joined_too():
    predictions = pd.DataFrame({"prediction_id": IDS[:2]})
    spans = [{"start": 0, "end": 2, "label": "MONEY"}]
    labels = pd.DataFrame({"prediction_id": [IDS[1]], "label": [spans], "label_time": [pd.Timestamp(NOW)]})
    assert with_labels(predictions, labels)["label"].tolist() == [None, spans]


def test_a_hundred_thousand_labels_in_one_table(monitoring):
    import time

    ids = [uuid.UUID(int=number).hex for number in range(100_000)]
    started = time.monotonic()
    assert add_labels("credit_risk", table([True, False] * 50_000, ids=ids), "a", store=monitoring) == 100_000
    assert len(read("credit_risk", monitoring)) == 100_000
    seconds = time.monotonic() - started
    assert seconds < 60
    print(f"{seconds:.1f} s")


LABELS = [[IDS[0], True, "2026-01-31T05:00:00Z"], [IDS[1], False, "2026-02-01T05:00:00+05:30"]]
FILES = {
    "a.csv": lambda frame, path: frame.to_csv(path, index=False),
    "b.csv": lambda frame, path: frame.rename(columns=str.upper).to_csv(path, index=False, sep=";"),
    "c.parquet": lambda frame, path: frame.to_parquet(path),
    "d.xlsx": lambda frame, path: frame.to_excel(path, index=False, engine="openpyxl"),
    "e.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "f.json": lambda frame, path: frame.to_json(path, orient="records"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_of_file_says_the_same(name, tmp_path, monitoring):
    FILES[name](pd.DataFrame(LABELS, columns=["prediction_id", "label", "label_time"]), tmp_path / name)
    add_labels("credit_risk", read_label_file(tmp_path / name), name, store=monitoring)
    found = read_labels("credit_risk", datetime(2026, 1, 1), datetime(2026, 3, 1), monitoring)
    assert found[["prediction_id", "label"]].to_numpy().tolist() == [[IDS[0], True], [IDS[1], False]]
    assert found["label_time"].tolist() == [pd.Timestamp("2026-01-31T05Z"), pd.Timestamp("2026-01-31T23:30Z")]


def test_the_wrong_row_of_a_file_is_named(tmp_path, monitoring):
    (tmp_path / "a.csv").write_text(f"prediction_id,label\n{IDS[0]},1\n{IDS[1]},perhaps\n")
    with pytest.raises(DataError, match="a.csv row 3: label"):
        add_labels("credit_risk", read_label_file(tmp_path / "a.csv"), "a.csv", store=monitoring)
    (tmp_path / "a.jsonl").write_text(json.dumps({"prediction_id": IDS[0], "label": 7}) + "\n")
    with pytest.raises(DataError, match="a.jsonl row 1: label"):
        add_labels("credit_risk", read_label_file(tmp_path / "a.jsonl"), "a.jsonl", store=monitoring)
    (tmp_path / "b.csv").write_text("id,outcome\n1,2\n")
    with pytest.raises(DataError, match="prediction_id"):
        read_label_file(tmp_path / "b.csv")
