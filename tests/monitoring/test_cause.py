"""Windows of the shipped loans, changed in ways whose cause is known."""

import math

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.monitoring.cause import Quality, cause, values_outside
from nivesh.monitoring.drift import compare

COLUMNS = ["age", "employment_type", "monthly_income", "debt_to_income", "credit_utilization", "loan_amount", "region"]
INTACT = Quality("auc", "labels", 0.871, 0.853, 0.889, expected=0.874, rows=900)
DROPPED = Quality("auc", "labels", 0.791, 0.765, 0.817, expected=0.874, rows=900)


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    return data.read("loans").sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture
def reference(loans):
    return loans.iloc[:4000]


@pytest.fixture
def window(loans):
    return loans.iloc[4000:5000].copy()


def judged(reference, window, *quality, **more):
    numbers = [name for name in COLUMNS if name not in ("employment_type", "region")]
    return cause(compare(reference, window, COLUMNS), quality, values_outside(reference, window, numbers), **more)


def test_a_window_like_the_reference_has_no_cause(reference, window):
    found = judged(reference, window, INTACT)
    assert (found.kind, found.columns) == ("none", ())
    assert found.sentence == "auc is 0.8710 (0.8530 to 0.8890, 900 rows), 0.8740 when the version was accepted"
    assert judged(reference, window).sentence == "no column has drifted"


def all_missing(window):
    window["monthly_income"] = np.nan


def column_gone(window):
    del window["monthly_income"]


def some_missing(window):
    window.loc[window.index[:80], "monthly_income"] = np.nan


def paise(window):
    window["monthly_income"] *= 100


def sentinel(window):
    window.loc[window.index[:100], "monthly_income"] = -1


def texts(window):
    window["monthly_income"] = "INR " + window["monthly_income"].astype(str)


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (all_missing, "monthly_income is missing in all rows, in 0.0% in the reference"),
        (column_gone, "monthly_income is missing in all rows, in 0.0% in the reference"),
        (some_missing, "monthly_income is missing in 8.0% of the rows, in 0.0% in the reference"),
        (paise, "of monthly_income are outside of the reference's"),
        (sentinel, "such as -1"),
        (texts, "monthly_income is missing in all rows"),
    ],
)
@pytest.mark.parametrize("quality", [(), (INTACT,), (DROPPED,)])
def test_broken_data_are_an_upstream_fault_whatever_the_quality(reference, window, breaks, words, quality):
    breaks(window)
    found = judged(reference, window, *quality, scheduled=True)
    assert (found.kind, found.columns, found.retrains, found.quarantines) == (
        "upstream_fault",
        ("monthly_income",),
        False,
        True,
    )
    assert words in found.sentence


def test_another_spelling_of_a_category_is_a_fault_and_a_new_word_is_none(reference, window):
    renamed = window.assign(employment_type=window["employment_type"].str.upper())
    found = judged(reference, renamed, INTACT)
    assert found.kind == "upstream_fault"
    assert (
        "categories that the reference has not 100.0%, 0.0% in the reference; its words have changed" in found.sentence
    )
    window.loc[window.index[:100], "employment_type"] = "platform worker"
    found = judged(reference, window, INTACT)
    assert (found.kind, found.columns) == ("harmless_drift", ("employment_type",))


def test_few_missing_values_are_no_fault(reference, window):
    window.loc[window.index[:15], "monthly_income"] = np.nan
    found = judged(reference, window, INTACT)
    assert found.kind == "harmless_drift", "told, since it is no chance, but 1.5 % stop no training"


def test_values_that_are_missing_less_often_are_no_fault(reference, window):
    holes = reference.copy()
    holes.loc[holes.index[:2000], "monthly_income"] = np.nan
    found = judged(holes, window, INTACT)
    assert found.kind == "harmless_drift"


@pytest.mark.parametrize("quality", [(INTACT,), (), (Quality("auc", "estimate", 0.86, 0.84, 0.88, 0.874, 1000),)])
def test_moved_columns_with_intact_quality_are_told_and_not_trained_on(reference, window, quality):
    window["monthly_income"] *= 1.4
    window["loan_amount"] *= 1.3
    found = judged(reference, window, *quality)
    assert (found.kind, found.retrains, found.quarantines) == ("harmless_drift", False, False)
    assert found.columns[0] in ("monthly_income", "loan_amount")
    median = f"{window[found.columns[0]].median():,.0f}"
    assert f"median {median}" in found.sentence
    assert ("0.8740 when" in found.sentence) == bool(quality)
    assert ("not known yet" in found.sentence) != bool(quality)


def test_a_drop_is_named_with_its_numbers_and_what_moved(reference, window):
    window["monthly_income"] *= 1.4
    found = judged(reference, window, DROPPED)
    assert found.kind == "quality_drop" and found.retrains
    assert found.sentence.startswith(
        "auc is 0.7910 (0.7650 to 0.8170, 900 rows), 0.8740 when the version was accepted;"
    )
    assert "moved most: monthly_income: median" in found.sentence


def test_a_drop_without_drift_is_a_drop(reference, window):
    assert judged(reference, window, DROPPED).kind == "quality_drop"


def test_labels_are_named_before_an_estimate_and_either_is_enough(reference, window):
    estimate = Quality("auc", "estimate", 0.78, 0.75, 0.81, expected=0.874, rows=1000)
    assert judged(reference, window, estimate, DROPPED).sentence.startswith("auc is 0.7910")
    found = judged(reference, window, INTACT, estimate)
    assert found.kind == "quality_drop"
    assert found.sentence.startswith("the estimate of auc is 0.7800")


def test_an_error_that_should_be_low_drops_upwards(reference, window):
    error = Quality("mape", "labels", 0.2, 0.18, 0.22, expected=0.15, rows=100, higher_is_better=False)
    assert judged(reference, window, error).kind == "quality_drop"
    better = Quality("mape", "labels", 0.1, 0.08, 0.12, expected=0.15, rows=100, higher_is_better=False)
    assert judged(reference, window, better).kind == "none"


def test_a_quality_that_could_not_be_measured_is_no_drop(reference, window):
    unknown = Quality("auc", "labels", math.nan, math.nan, math.nan, expected=0.874, rows=3)
    assert judged(reference, window, unknown).kind == "none"


def test_the_calendar_retrains_a_sound_window(reference, window):
    assert judged(reference, window, INTACT, scheduled=True).sentence == "due by schedule"
    assert judged(reference, window, INTACT, scheduled=True).retrains
    assert cause([], [DROPPED]).retrains, "a model without reference rows has no drifts"


def test_the_segment_in_which_a_column_moved_most_is_named(reference, window):
    south = window["region"] == "south"
    window.loc[south, "monthly_income"] *= 2.5
    segments = {
        f"region={name}": compare(reference[reference["region"] == name], window[window["region"] == name], COLUMNS)
        for name in ("north", "south", "west")
    }
    found = judged(reference, window, DROPPED, segments=segments)
    median = f"{window.loc[south, 'monthly_income'].median():,.0f}"
    assert f"most where region=south (median {median}" in found.sentence


def test_the_share_outside_has_its_exact_probability():
    before, after = pd.DataFrame({"x": np.arange(90.0)}), pd.DataFrame({"x": np.r_[np.arange(8.0), 200, 300]})
    found = values_outside(before, after, ["x"])["x"]
    # Both largest of 100 values are of the ten of the window: 10/100 * 9/99; both ends are tested.
    assert found.p == pytest.approx(2 * 10 / 100 * 9 / 99)
    assert (found.share, found.low, found.high, found.example) == (0.2, 0.0, 89.0, 300.0)


def test_the_probability_holds_for_samples_of_one_distribution():
    rng = np.random.default_rng(5)
    p = []
    for _ in range(2000):
        frames = pd.DataFrame({"x": rng.lognormal(size=300)}), pd.DataFrame({"x": rng.lognormal(size=100)})
        p.append(values_outside(*frames, ["x"])["x"].p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
