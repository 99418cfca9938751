"""The guide's call, and the files beside its report."""

import json

import numpy as np
import pytest

from benchmarks.drift import sample
from nivesh import detect_model_drift
from nivesh.errors import DataError


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(3)
    return sample(rng, 2_000), sample(rng, 300)


def test_the_guides_call(frames):
    reference, current = frames
    assert detect_model_drift(reference, current)["drift_detected"] is False
    report = detect_model_drift(reference, current.assign(amount_0=current["amount_0"] * 3, normal_0=None))
    assert report["drift_detected"] is True
    assert set(report["drifted_columns"]) == {"amount_0", "normal_0"}
    assert report["sentence"].endswith("(2 of 20 columns have drifted)")
    column = report["columns"]["amount_0"]
    assert column["score"] > column["threshold"] and column["direction"] == "up" and column["missing"] == 0
    assert report["report"] == {}
    json.dumps(report, allow_nan=False)


def test_a_page_and_a_picture(frames, tmp_path):
    reference, current = frames
    changed = current.assign(amount_0=current["amount_0"] * 3, normal_0=None).drop(columns="category_2")
    report = detect_model_drift(reference, changed, ["amount_0", "normal_0", "category_1", "category_2"],
                                report_folder=tmp_path / "report")  # fmt: skip
    page = (tmp_path / "report/drift.html").read_text()
    assert report["report"] == {"html": str(tmp_path / "report/drift.html"), "png": str(tmp_path / "report/drift.png")}
    assert "amount_0" in page and "normal_0" in page
    assert (tmp_path / "report/drift.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match="give two pandas DataFrames, not a list"):
        detect_model_drift([1], [2])
