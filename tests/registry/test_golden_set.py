import json
from dataclasses import asdict

import pytest

from nivesh import data, models
from nivesh.errors import DataError
from nivesh.registry import golden_set
from nivesh.registry.gate import GoldenSet, Interval, Segment


def test_rows_of_the_golden_set_are_left_out_of_a_training_whatever_their_label():
    rows = data.read("loans").head(300)
    golden = rows.iloc[100:150].copy()
    rows.loc[120:125, "defaulted"] = 1 - rows.loc[120:125, "defaulted"]
    kept = golden_set.without(rows, golden, "loans")
    assert kept["application_id"].tolist() == rows["application_id"].drop(range(100, 150)).tolist()
    assert kept.index.tolist() == list(range(250))


def test_texts_too():
    rows = data.read("ner").head(60)
    kept = golden_set.without(rows, rows.iloc[:10], "ner")
    assert kept["text"].tolist() == rows["text"].tolist()[10:]


def test_a_golden_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere.csv"):
        golden_set.read("credit_risk", str(tmp_path / "nowhere.csv"))


def test_what_was_measured_is_read_back_from_json():
    segment = Segment("employment=gig", 0.8, 0.9, Interval(-0.1, 0.0, 60))
    found = GoldenSet(10, {"auc": 0.9}, {"auc": 0.8}, Interval(-0.01, 0.02, 10), [segment], segment)
    assert golden_set.from_dict(json.loads(json.dumps(asdict(found)))) == found
    alone = GoldenSet(10, {"auc": 0.9})
    assert golden_set.from_dict(json.loads(json.dumps(asdict(alone)))) == GoldenSet(10, {"auc": 0.9}, segments=[])
    assert golden_set.from_dict(None) is None


@pytest.mark.parametrize("key", ["credit_risk", "intent_classifier"])
def test_segments_are_masks_over_all_rows_that_are_compared(key):
    model = models.get(key)
    rows = (
        data.read(model.spec.dataset).groupby("intent").head(20) if key == "intent_classifier" else data.read("loans")
    )
    masks = model.segments(rows)
    assert len(masks) >= 5
    lengths = {len(mask) for mask in masks.values()}
    expected = len(rows[rows["intent"] != "out_of_scope"]) if key == "intent_classifier" else len(rows)
    assert lengths == {expected}
    if key == "credit_risk":
        for kind in ("employment", "tenure", "income"):
            of_kind = [mask for name, mask in masks.items() if name.startswith(f"{kind}=")]
            assert sum(of_kind).tolist() == [1] * len(rows), f"each row is in one {kind}"
    assert models.get("spending_predictor").segments(rows) == {}
