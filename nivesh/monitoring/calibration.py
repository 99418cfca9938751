"""What a model's scores are worth, learned from labelled rows, and the metric that unlabelled rows are then expected to have.

The idea is NannyML's CBPE (confidence-based performance estimation): a model whose probabilities are calibrated knows its own
accuracy, also where the inputs have moved to cases that are harder or easier. It does not notice that the same inputs now have
other outcomes (concept drift), and knows nothing of inputs unlike all labelled ones; both show when labels come.

The interval holds what the labels of these very rows would show: it has the uncertainty of the calibration (a bootstrap of its
rows) and the chance of the outcomes.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from nivesh.models.samples import Kind
from nivesh.monitoring.intervals import LEVEL, Value

DRAWS = 300
PRIOR_ROWS = 1.0  # weight of "the scores are right as they are", which decides where all labelled rows agree
EDGE = 1e-6  # probabilities are kept so far from 0 and 1
STEPS = 50  # of Newton's method

Outcomes = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def expected(kind: Kind, scores: np.ndarray, calibration: np.ndarray, seed: int = 0) -> Value:
    """The metric that rows of these scores are expected to have, with the interval of what their labels would show.

    Args:
        kind: share: scores are probabilities to be right; auc: probabilities of the outcome; mean: sizes to which the
            expected loss is proportional, such as the widths of intervals.
        scores: (n,), of the rows without labels.
        calibration: (m, 2), score and what was observed of labelled rows: right or not, the outcome, the loss.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    fit, metric = (
        (fit_ratio, np.mean) if kind == "mean" else (fit_logistic, expected_auc(scores) if kind == "auc" else np.mean)
    )
    value = float(metric(fit(calibration)(scores)))
    drawn = []
    for _ in range(DRAWS):
        rows = calibration[rng.integers(0, len(calibration), len(calibration))]
        predicted = fit(rows)(scores)
        drawn.append(
            float(metric(_losses(predicted, rows, rng) if kind == "mean" else rng.random(len(scores)) < predicted))
        )
    low, high = np.nanquantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Value(value, float(low), float(high))


def fit_logistic(calibration: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Platt's calibration on the logit of the score: probability = expit(slope * logit + intercept).

    Two parameters, as isotonic regression of a thousand rows fits their chance outcomes and makes an AUC look better.
    """
    x, y = _logit(calibration[:, 0]), calibration[:, 1]
    design = np.column_stack([x, np.ones(len(x))])
    parameters, prior = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    for _ in range(STEPS):
        p = expit(design @ parameters)
        gradient = design.T @ (y - p) - PRIOR_ROWS * (parameters - prior)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + PRIOR_ROWS * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        parameters = parameters + step / max(1.0, float(np.abs(step).max()))  # never a leap
        if np.abs(step).max() < 1e-8:
            break
    slope, intercept = parameters
    return lambda scores: expit(slope * _logit(scores) + intercept)


def fit_ratio(calibration: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The expected loss as a fixed multiple of the score."""
    ratio = float(calibration[:, 1].sum() / max(calibration[:, 0].sum(), 1e-12))
    return lambda scores: ratio * scores


def expected_auc(scores: np.ndarray) -> Callable[[np.ndarray], float]:
    """AUC of these scores as a function of the rows' probabilities, or outcomes; NaN where all have the same.

    Each pair counts by the probability that its first row has the outcome and its second has not.
    """
    levels = rankdata(scores, "dense").astype(int) - 1

    def auc(probabilities: np.ndarray) -> float:
        p = probabilities.astype(float)
        by_level = np.bincount(levels, p), np.bincount(levels, 1 - p)
        below = np.concatenate([[0.0], np.cumsum(by_level[1])[:-1]])
        itself = float((p * (1 - p)).sum())  # a row is no pair with itself
        won = float((by_level[0] * (below + by_level[1] / 2)).sum()) - itself / 2
        pairs = float(p.sum() * (1 - p).sum()) - itself
        return won / pairs if pairs > 0 else math.nan

    return auc


def _losses(expected_loss: np.ndarray, calibration: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Losses with these means, scattered as those of the calibration: by a factor that is drawn in proportion to its score."""
    scores, losses = calibration[:, 0], calibration[:, 1]
    total = scores.sum()
    if total <= 0 or losses.sum() <= 0:
        return expected_loss
    usable = scores > 0
    factors = losses[usable] / scores[usable] * (scores[usable].sum() / losses[usable].sum())
    chosen = rng.choice(len(factors), len(expected_loss), p=scores[usable] / scores[usable].sum())
    return expected_loss * factors[chosen]


def _logit(scores: np.ndarray) -> np.ndarray:
    p = np.clip(scores, EDGE, 1 - EDGE)
    return np.log(p / (1 - p))
