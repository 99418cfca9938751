"""The population stability index: how far a feature's distribution lies from the one that a model was made for.

PSI = sum over bins of (current share - reference share) * ln(current share / reference share). Bins are quantiles of the
reference. Above ``SHIFTED`` the population counts as shifted (Siddiqi, Credit Risk Scorecards, 2006).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nivesh.errors import DataError

SHIFTED = 0.25
MAX_BINS, ROWS_PER_BIN = 10, 50
MIN_ROWS = 2 * ROWS_PER_BIN  # of each side; with fewer, chance alone gives a PSI near SHIFTED
SMOOTHING = 0.5  # rows added to each bin, so that an empty one has no infinite logarithm


@dataclass(frozen=True)
class Stability:
    """One feature, reference against current.

    Attributes:
        psi: the index, 0 and above.
        edges: upper bounds (inclusive) of all bins but the last one, ascending.
        reference, current: share of rows in each bin, 0 to 1; with a last one for missing values where there are any.
    """

    psi: float
    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]

    @property
    def shifted(self) -> bool:
        return self.psi > SHIFTED


def population_stability(reference: Sequence[float] | np.ndarray, current: Sequence[float] | np.ndarray) -> Stability:
    """Compare two samples of one numeric feature; NaN is missing, and a bin of its own.

    There are at most ``MAX_BINS`` bins, and fewer where ``ROWS_PER_BIN`` rows for each are not there: without a shift the
    index is about (bins - 1) * (1 / reference rows + 1 / current rows).

    Raises:
        DataError: one of the samples has fewer than ``MIN_ROWS`` rows, or the reference has no value.
    """
    before, after = (np.asarray(values, dtype=float) for values in (reference, current))
    if min(len(before), len(after)) < MIN_ROWS:
        raise DataError(
            f"{len(before)} and {len(after)} rows are too few for a PSI; at least {MIN_ROWS} each are needed"
        )
    edges = _edges(before, min(MAX_BINS, min(len(before), len(after)) // ROWS_PER_BIN))
    missing = bool(np.isnan(before).any() or np.isnan(after).any())
    counts = [_counts(values, edges, missing) for values in (before, after)]
    shares = [(count + SMOOTHING) / (count.sum() + SMOOTHING * len(count)) for count in counts]
    psi = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    raw = [tuple((count / count.sum()).tolist()) for count in counts]
    return Stability(psi, tuple(edges.tolist()), *raw)


def _edges(reference: np.ndarray, bins: int) -> np.ndarray:
    known = reference[~np.isnan(reference)]
    if not len(known):
        raise DataError("the reference has no value of this feature")
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf"))
    if edges[0] == known.min():  # many rows have the smallest value: smaller ones are another bin
        edges = np.concatenate([[np.nextafter(edges[0], -np.inf)], edges])
    return edges


def _counts(values: np.ndarray, edges: np.ndarray, missing: bool) -> np.ndarray:
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)) if missing else counts
