"""Drift of texts: have their meanings another distribution? Pure statistics on embeddings.

    reference, current = embed(texts of the reference), embed(texts of the window)     # nivesh.text.embeddings
    found = compare(reference_rows, rows, more_columns=1) + [compare_texts(reference, current, columns=len(...) + 1)]

The test is the kernel two-sample test of Gretton et al. (2012): the maximum mean discrepancy (MMD) with a Gaussian kernel, its
width the median distance. Drift detection tests at levels of a hundred-thousandth, for which a permutation test would need
millions of permutations; so the p-value comes from the statistic's distribution without drift, a weighted sum of chi-squares
whose weights are the eigenvalues of the centred kernel matrix (Gretton et al., 2009), and its tail from the saddlepoint
approximation (Kuonen, 1999). docs/monitoring.md has the rates of false alarms.

What else moves in texts (their length, the share of unknown words, out-of-scope answers) are columns of ``monitored_rows``.
"""

import math

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from nivesh.errors import DataError
from nivesh.monitoring.drift import MIN_P, MIN_ROWS, WINDOWS_PER_YEAR, ColumnDrift, significance_level

MAX_TEXTS = 1_000  # of each side; the kernel matrix has the square of both together, and is decomposed in two seconds
COLUMN = "text"
NEGLIGIBLE = 1e-9  # eigenvalues below this part of the largest are rounding errors


def compare_texts(
    reference: np.ndarray,
    current: np.ndarray,
    columns: int = 1,
    windows_per_year: int = WINDOWS_PER_YEAR,
    seed: int = 0,
) -> ColumnDrift:
    """Test the texts of a window against those of the reference.

    Args:
        reference, current: unit vectors, (texts, dimensions) each; of more than ``MAX_TEXTS``, a random sample is tested.
        columns: how many columns are tested with this one, itself included; see ``drift.significance_level``.
        windows_per_year: how often the same columns are tested.
        seed: of the samples.

    Returns:
        A result like those of ``drift.compare``; ``distance`` is MMD / √2, 0 to 1.

    Raises:
        DataError: too few texts.
    """
    for what, rows in (("reference", reference), ("current window", current)):
        if len(rows) < MIN_ROWS:
            raise DataError(f"the {what} has {len(rows)} texts; at least {MIN_ROWS} are needed")
    rng = np.random.default_rng(seed)
    before, after = (_sample(rows, rng) for rows in (reference, current))
    statistic, weights = mmd(before, after)
    p = upper_tail(statistic, weights)
    old, new = _nearest(before), _nearest(before, after)
    return ColumnDrift(
        column=COLUMN,
        kind="text",
        score=-math.log10(max(p, MIN_P)),
        threshold=-math.log10(significance_level(columns, windows_per_year)),
        distance=math.sqrt(max(statistic, 0.0) * (1 / len(before) + 1 / len(after)) / 2),
        direction="other texts",
        missing=0.0,
        reference_missing=0.0,
        sentence=f"text: the nearest reference text has a median similarity of {new:.2f}, {old:.2f} within the reference",
    )


def mmd(before: np.ndarray, after: np.ndarray) -> tuple[float, np.ndarray]:
    """The statistic m n / (m + n) * MMD², and the weights of its distribution where both sides have one distribution.

    Its mean over all permutations of the rows is the sum of the weights.
    """
    m, n = len(before), len(after)
    rows = np.concatenate([before, after]).astype(float)
    squares = np.maximum(((rows**2).sum(1)[:, None] + (rows**2).sum(1)[None, :]) - 2 * rows @ rows.T, 0.0)
    distances = squares[np.triu_indices(m + n, 1)]
    width = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    kernel = np.exp(-squares / width)
    centred = kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()
    sign = np.concatenate([np.full(m, 1 / m), np.full(n, -1 / n)])
    statistic = float(sign @ centred @ sign) * m * n / (m + n)
    weights = np.linalg.eigvalsh(centred)[::-1] / (m + n - 1)
    return statistic, weights[weights > NEGLIGIBLE * max(weights[0], 1e-300)]


def upper_tail(statistic: float, weights: np.ndarray) -> float:
    """P(Σ weight χ²₁ > statistic), by the saddlepoint approximation of Lugannani and Rice in Barndorff-Nielsen's form."""
    if not len(weights):
        return 1.0
    mean = float(weights.sum())
    if statistic <= 0:
        return 1.0
    if abs(statistic / mean - 1) < 1e-4:  # the formula has a removable singularity at the mean
        statistic = mean * (1 + 1e-4)

    def slope(t: float) -> float:
        return float((weights / (1 - 2 * weights * t)).sum()) - statistic

    largest = 1 / (2 * float(weights.max()))
    low, high = -1.0, largest * (1 - 1e-12)
    while slope(low) > 0:
        low *= 4
    t = brentq(slope, low, high, xtol=1e-14 * largest, maxiter=500)
    generating = -0.5 * float(np.log1p(-2 * weights * t).sum())
    curvature = 2 * float(((weights / (1 - 2 * weights * t)) ** 2).sum())
    w = math.copysign(math.sqrt(max(2 * (t * statistic - generating), 1e-300)), t)
    v = t * math.sqrt(curvature)
    return float(np.clip(stats.norm.sf(w + math.log(v / w) / w), 0.0, 1.0))


def _sample(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= MAX_TEXTS else rows[rng.choice(len(rows), MAX_TEXTS, replace=False)]


def _nearest(reference: np.ndarray, texts: np.ndarray | None = None) -> float:
    """Median similarity of texts to their nearest reference text; of the reference's own to their nearest other one."""
    similarity = (reference if texts is None else texts) @ reference.T
    if texts is None:
        np.fill_diagonal(similarity, -1.0)
    return float(np.median(similarity.max(axis=1)))
