"""Values of metrics with 95 % intervals, from samples of labelled predictions. Pure statistics; random draws have a seed.

- share: Wilson's interval (Wilson, 1927).
- auc: DeLong's variance (DeLong et al., 1988), on the logit scale.
- mean: bootstrap-t (Efron and Tibshirani, 1993, chapter 12), as errors in rupees are skewed.
- f1: percentiles of a bootstrap of texts, as the spans of a text are right and wrong together.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from nivesh.models.samples import Sample

LEVEL = 0.95
Z = float(stats.norm.ppf(0.5 + LEVEL / 2))
RESAMPLES = 1_000
MIN_RESAMPLED = 10  # rows below which a bootstrap says nothing


class Value(NamedTuple):
    """A metric and its interval; NaN where the rows cannot tell."""

    value: float
    low: float
    high: float


UNKNOWN = Value(math.nan, math.nan, math.nan)


def interval(sample: Sample, seed: int = 0) -> Value:
    """A metric with its 95 % interval; NaN where there are too few rows, or of an AUC, outcomes of one kind only."""
    if not len(sample.rows):
        return UNKNOWN
    if sample.kind == "share":
        return wilson(float(sample.rows.sum()), len(sample.rows))
    if sample.kind == "auc":
        return delong(sample.rows[:, 0], sample.rows[:, 1])
    return (bootstrap_mean if sample.kind == "mean" else bootstrap_f1)(sample.rows, np.random.default_rng(seed))


def wilson(hits: float, of: float) -> Value:
    """Wilson's interval of a share."""
    share = hits / of
    center = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    return Value(share, max(center - half, 0.0), min(center + half, 1.0))


def delong(outcomes: np.ndarray, scores: np.ndarray) -> Value:
    """The AUC and its interval by DeLong's variance.

    Where the classes are separated, the variance is 0; then the interval is Wilson's of as many pairs as the smaller class
    has rows.
    """
    positive = outcomes == 1
    of_positive, of_negative = scores[positive], scores[~positive]
    m, n = len(of_positive), len(of_negative)
    if not m or not n:
        return UNKNOWN
    ranks = stats.rankdata(scores)
    # How often each positive is above the negatives, and each negative below the positives.
    above = (ranks[positive] - stats.rankdata(of_positive)) / n
    below = 1 - (ranks[~positive] - stats.rankdata(of_negative)) / m
    auc = float(above.mean())
    if m < 2 or n < 2:
        return Value(auc, math.nan, math.nan)
    deviation = math.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    if not 0 < auc < 1 or not deviation:
        return Value(auc, *wilson(auc * min(m, n), min(m, n))[1:])
    logit, half = math.log(auc / (1 - auc)), Z * deviation / (auc * (1 - auc))
    return Value(auc, _expit(logit - half), _expit(logit + half))


def bootstrap_mean(rows: np.ndarray, rng: np.random.Generator) -> Value:
    """The mean of values of at least 0 and its interval by the bootstrap-t."""
    mean, size = float(rows.mean()), len(rows)
    error = float(rows.std(ddof=1)) / math.sqrt(size) if size > 1 else 0.0
    if size < MIN_RESAMPLED:
        return Value(mean, math.nan, math.nan)
    if not error:
        return Value(mean, mean, mean)
    drawn = np.array([_mean_and_error(rows[rng.integers(0, size, size)]) for _ in range(RESAMPLES)])
    t = (drawn[:, 0] - mean) / np.maximum(drawn[:, 1], 1e-12 * error)
    low, high = np.quantile(t, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Value(mean, max(mean - high * error, 0.0), mean - low * error)


def bootstrap_f1(rows: np.ndarray, rng: np.random.Generator) -> Value:
    """The micro-averaged F1 of (right, found, true) spans of each text, and its interval."""
    value, size = _f1(rows.sum(axis=0)), len(rows)
    if size < MIN_RESAMPLED or math.isnan(value):
        return Value(value, math.nan, math.nan)
    drawn = [_f1(rows[rng.integers(0, size, size)].sum(axis=0)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Value(value, float(low), float(high))


def _mean_and_error(rows: np.ndarray) -> tuple[float, float]:
    return float(rows.mean()), float(rows.std(ddof=1)) / math.sqrt(len(rows))


def _f1(counts: np.ndarray) -> float:
    right, found, true = counts
    return float(2 * right / (found + true)) if found + true else math.nan


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))
