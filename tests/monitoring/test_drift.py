"""Drift tests: what is a drift is found and named, what is none is not. The rates are measured by benchmarks/drift.py."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.drift import detected, detected_missing, false_alarm_years, sample
from nivesh.errors import DataError
from nivesh.monitoring.drift import compare, significance_level


@pytest.fixture(scope="module")
def reference():
    return sample(np.random.default_rng(1), 5_000)


@pytest.fixture
def current():
    return sample(np.random.default_rng(2), 400)


def first(reference, current, **changes):
    return compare(reference, current.assign(**changes))[0]


def test_no_drift_no_alarm(reference, current):
    found = compare(reference, current)
    assert len(found) == 20 and not any(one.drifted for one in found)
    assert found[0].score < found[0].threshold


def test_the_promised_rates_in_a_small_form():
    assert false_alarm_years(rows=50, years=4, seed=1) <= 1
    assert detected(0.5, rows=300, windows=10, seed=1) == 10
    assert detected(0.25, rows=1000, windows=10, seed=1) >= 9
    assert detected_missing(0.6, rows=50, windows=10, seed=1) == 10
    assert detected_missing(1.0, rows=50, windows=10, seed=1) == 10


def test_the_level_is_shared_by_all_tests_of_a_year():
    assert significance_level(20) == pytest.approx(0.05 / (20 * 2 * 52))
    assert significance_level(1, windows_per_year=12) == pytest.approx(0.05 / 24)


def test_a_shift_is_named_with_its_direction(reference, current):
    up = first(reference, current, normal_3=current["normal_3"] + 0.6)
    assert (up.column, up.direction, up.drifted) == ("normal_3", "up", True)
    assert up.sentence.startswith("normal_3: median 0.")
    assert first(reference, current, normal_3=current["normal_3"] - 0.6).direction == "down"
    assert first(reference, current, normal_3=current["normal_3"] * 4).column == "normal_3"


def test_one_outlier_is_no_drift_and_hides_none(reference, current):
    outlier = current["amount_1"].where(np.arange(len(current)) > 0, 1e12)
    assert not first(reference, current, amount_1=outlier).drifted
    assert first(reference, current, amount_1=outlier * 1.65).column == "amount_1"


def test_missing_columns_and_values(reference, current):
    gone = compare(reference, current.drop(columns="normal_1"))[0]
    assert (gone.column, gone.direction, gone.missing, gone.drifted) == ("normal_1", "missing", 1.0, True)
    part = first(reference, current, count_0=current["count_0"].where(np.arange(400) < 160))
    assert (part.column, part.direction, part.missing) == ("count_0", "missing", pytest.approx(0.6))
    assert part.sentence == "60.0% of count_0 is missing, 0.0% in the reference"
    infinite = first(reference, current, amount_0=np.inf)
    assert (infinite.column, infinite.direction) == ("amount_0", "missing")
    filled = first(reference, current, sparse_0=1.0)
    assert filled.column == "sparse_0" and filled.drifted


def test_categories(reference, current):
    renamed = first(reference, current, category_1=current["category_1"].replace("0", "zero"))
    assert (renamed.column, renamed.drifted) == ("category_1", True)
    assert renamed.direction in ("0", "categories that the reference has not")
    rare = current["category_1"].where(np.arange(400) >= 24, "new")
    assert first(reference, current, category_1=rare).sentence.startswith(
        "category_1: categories that the reference has"
    )


def test_numbers_that_come_as_texts_are_numbers(reference, current):
    assert not first(reference, current, amount_2=current["amount_2"].astype(str)).drifted
    words = first(reference, current, amount_2="n/a")
    assert (words.column, words.direction) == ("amount_2", "missing")


def test_booleans_and_dtypes_make_no_difference(reference, current):
    flags = pd.DataFrame({"flag": np.arange(1000) % 4 == 0})
    assert not compare(flags, flags.astype("string").head(100))[0].drifted
    assert compare(flags, pd.DataFrame({"flag": [True] * 100}))[0].drifted
    frame = current.astype({name: "category" for name in current if name.startswith("category")})
    assert [one.score for one in compare(reference, frame)] == [one.score for one in compare(reference, current)]


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [([], 400, "no columns"), (["nothing"], 400, "no column nothing"), (None, 5, "5 rows; at least 20")],
)
def test_what_cannot_be_compared(reference, current, columns, rows, message):
    with pytest.raises(DataError, match=message):
        compare(reference, current.head(rows), columns)
