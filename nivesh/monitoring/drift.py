"""Drift of a table's columns against a reference, with a promised rate of false alarms. Pure statistics.

Every column has two tests: do its values have another distribution (two-sample Kolmogorov-Smirnov for numbers, an exact
binomial test for each category), and has its share of missing values changed (exact binomial test). The significance level is
divided by all tests of a year, so that a model whose data do not change has an alarm in at most ``FALSE_ALARMS_PER_YEAR`` of
its years (Bonferroni; the tests of a column, of all columns and of all windows may depend on each other).

``benchmarks/drift.py`` measures the rate and the power: docs/monitoring.md has the figures.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from nivesh.errors import DataError

FALSE_ALARMS_PER_YEAR = 0.05
WINDOWS_PER_YEAR = 52
TESTS_PER_COLUMN = 2  # values, missing values
MIN_ROWS = 20  # of the current window; with fewer, only a column that is missing throughout could be detected
MAX_CATEGORIES = 30  # the most frequent of the reference; the others count as one
MIN_P = 1e-300
OTHER, UNSEEN = "other categories", "categories that the reference has not"


@dataclass(frozen=True)
class ColumnDrift:
    """One column of a window against the reference.

    Attributes:
        column: its name.
        kind: number, category, or text (``nivesh.monitoring.text_drift``).
        score: -log10 of the smaller p-value of the two tests; the larger, the less likely without drift.
        threshold: drift is a score above it.
        distance: how far the values moved, 0 to 1: Kolmogorov-Smirnov distance, or total variation of the categories.
        direction: up or down for numbers (of the median), the category that moved most, or missing.
        missing, reference_missing: shares of missing values, 0 to 1.
        sentence: what moved, with numbers.
    """

    column: str
    kind: str
    score: float
    threshold: float
    distance: float
    direction: str
    missing: float
    reference_missing: float
    sentence: str

    @property
    def drifted(self) -> bool:
        return self.score > self.threshold


def significance_level(columns: int, windows_per_year: int = WINDOWS_PER_YEAR) -> float:
    """The level of one test, for a table of so many columns that is tested so often."""
    return FALSE_ALARMS_PER_YEAR / (columns * TESTS_PER_COLUMN * windows_per_year)


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str] | None = None,
    windows_per_year: int = WINDOWS_PER_YEAR,
    more_columns: int = 0,
) -> list[ColumnDrift]:
    """Test every column of a window against the reference.

    Args:
        reference: rows of the training data.
        current: rows of the window.
        columns: those to test; all that the reference has where not given. A column that the window lacks is missing
            throughout.
        windows_per_year: how often the same columns are tested.
        more_columns: that are tested elsewhere, such as texts, and share the promised rate of false alarms.

    Returns:
        A result per column, the strongest drift first.

    Raises:
        DataError: too few rows, or no columns.
    """
    names = list(reference.columns if columns is None else columns)
    if not names:
        raise DataError("there are no columns to compare")
    if absent := [name for name in names if name not in reference]:
        raise DataError(f"the reference has no column {', '.join(absent)}")
    for what, rows in (("reference", reference), ("current window", current)):
        if len(rows) < MIN_ROWS:
            raise DataError(f"the {what} has {len(rows)} rows; at least {MIN_ROWS} are needed")
    threshold = -math.log10(significance_level(len(names) + more_columns, windows_per_year))
    found = [_column(name, reference[name], _values(current, name), threshold) for name in names]
    return sorted(found, key=lambda one: -one.score)


def _values(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series([None] * len(frame), dtype=object)


def _column(name: str, reference: pd.Series, current: pd.Series, threshold: float) -> ColumnDrift:
    numeric = pd.api.types.is_numeric_dtype(reference) and not pd.api.types.is_bool_dtype(reference)
    before, after = _present(reference, numeric), _present(current, numeric)
    missing, reference_missing = 1 - len(after) / len(current), 1 - len(before) / len(reference)
    counts = np.array([len(current) - len(after)]), np.array([len(reference) - len(before)])
    missing_p = float(_binomial(counts[0], len(current), counts[1], len(reference))[0])
    values = _no_values() if before.empty or after.empty else (_numbers if numeric else _categories)(before, after)
    if missing_p < values["p"]:
        direction, sentence = "missing", f"{missing:.1%} of {name} is missing, {reference_missing:.1%} in the reference"
    else:
        direction, sentence = values["direction"], f"{name}: {values['sentence']}"
    return ColumnDrift(
        column=name,
        kind="number" if numeric else "category",
        score=-math.log10(max(min(missing_p, values["p"]), MIN_P)),
        threshold=threshold,
        distance=values["distance"],
        direction=direction,
        missing=missing,
        reference_missing=reference_missing,
        sentence=sentence,
    )


def _present(values: pd.Series, numeric: bool) -> pd.Series:
    """The values that are there; of a column of numbers, the finite ones."""
    if numeric:
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        return numbers[np.isfinite(numbers)]
    return values.dropna().astype(str)


def _no_values() -> dict[str, Any]:
    return {"p": 1.0, "distance": 0.0, "direction": "", "sentence": "there are no values to compare"}


def _numbers(before: pd.Series, after: pd.Series) -> dict[str, Any]:
    test = stats.ks_2samp(before, after, method="asymp")
    low, high = float(before.median()), float(after.median())
    return {
        "p": float(test.pvalue),
        "distance": float(test.statistic),
        "direction": "up" if high > low else "down" if high < low else "spread",
        "sentence": f"median {_short(high)}, {_short(low)} in the reference (KS distance {test.statistic:.2f})",
    }


def _categories(before: pd.Series, after: pd.Series) -> dict[str, Any]:
    known = before.value_counts()
    names = known.index[:MAX_CATEGORIES]
    seen = set(known.index)
    shares = {}
    for when, values in (("before", before), ("after", after)):
        grouped = values.where(values.isin(names), OTHER).where(values.isin(seen), UNSEEN)
        shares[when] = grouped.value_counts()
    table = pd.DataFrame(shares).fillna(0).astype(int)
    p_values = _binomial(table["after"].to_numpy(), len(after), table["before"].to_numpy(), len(before))
    new, old = table["after"] / len(after), table["before"] / len(before)
    moved = table.index[int(np.argmin(p_values))]
    return {
        "p": min(1.0, len(table) * float(p_values.min())),
        "distance": 0.5 * float((new - old).abs().sum()),
        "direction": str(moved),
        "sentence": f"{moved} {new[moved]:.1%}, {old[moved]:.1%} in the reference",
    }


def _binomial(counts: np.ndarray, of: int, reference_counts: np.ndarray, reference_of: int) -> np.ndarray:
    """Two-sided p-values that two shares are one, for each pair of counts: Fisher's exact test, doubled smaller tail.

    Given their sum, the count is hypergeometric, so the level holds for any number of rows.
    """
    total, successes = of + reference_of, counts + reference_counts
    below = stats.hypergeom.cdf(counts, total, successes, of)
    above = stats.hypergeom.sf(counts - 1, total, successes, of)
    return np.minimum(1.0, 2 * np.minimum(below, above))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
