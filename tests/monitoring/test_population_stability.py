"""PSI against values computed by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError
from nivesh.monitoring.feature_comparison import compare_features, shifted_sentence, write_comparison
from nivesh.monitoring.population_stability import population_stability

UNIFORM = np.arange(1.0, 1001)


def test_the_index_is_that_of_the_formula():
    """Ten bins of 100 rows. In the current sample 90 rows of the second bin are in the first: with half a row added to each
    bin, (190.5 - 100.5) / 1005 * ln(190.5 / 100.5) + (10.5 - 100.5) / 1005 * ln(10.5 / 100.5)."""
    current = np.where((UNIFORM > 100) & (UNIFORM <= 190), 50.0, UNIFORM)
    found = population_stability(UNIFORM, current)
    assert found.psi == pytest.approx(0.05727 + 0.20228, abs=1e-4)
    assert found.reference == (0.1,) * 10 and found.current[:2] == (0.19, 0.01)
    assert found.edges == tuple(np.arange(100.0, 1000, 100))
    assert found.shifted


def test_equal_samples_have_none():
    assert population_stability(UNIFORM, UNIFORM).psi == 0


def test_chance_alone_is_no_shift_however_few_the_rows():
    generator = np.random.default_rng(0)
    values = [
        population_stability(*generator.normal(size=(2, rows))) for rows in (100, 150, 400, 1000) for _ in range(50)
    ]
    assert not any(one.shifted for one in values)


@pytest.mark.parametrize("moved", [-1.0, 3.0, np.nan])
def test_a_share_of_a_single_value_that_moves_is_seen(moved):
    """Most rows are 0, as of debts: below, above and missing are bins of their own."""
    reference = np.repeat([0.0, 1.0, 2.0], [800, 150, 50])
    found = population_stability(reference, np.where(np.arange(1000) < 400, moved, reference))
    assert found.shifted and 0.4 in found.current


def test_too_few_rows_and_a_reference_without_values_are_refused():
    with pytest.raises(DataError, match="99 and 1000 rows are too few for a PSI; at least 100"):
        population_stability(UNIFORM[:99], UNIFORM)
    with pytest.raises(DataError, match="no value"):
        population_stability(np.full(200, np.nan), UNIFORM)


def test_the_comparison_is_written_as_json_and_picture(tmp_path):
    ours = pd.DataFrame({"same": UNIFORM, "moved": UNIFORM})
    theirs = pd.DataFrame({"same": UNIFORM, "moved": UNIFORM + 500}).astype(float)
    theirs.loc[:9, "moved"] = np.nan
    found = compare_features(ours, theirs, ["same", "moved"])
    assert shifted_sentence(found).startswith("PSI above 0.25 against the file's columns: moved (")
    write_comparison(found, ours, theirs, tmp_path)
    content = json.loads((tmp_path / "feature_comparison.json").read_text())
    assert content["shifted"] == ["moved"] and content["rows"] == 1000
    assert content["features"]["moved"]["missing_from_transactions"] == 0.01
    assert content["features"]["same"]["median_of_file"] == 500.5
    assert (tmp_path / "feature_comparison.png").read_bytes()[:4] == b"\x89PNG"
