"""A user's own part of the forecast: the level of regular spending, a Bayesian linear regression in closed form."""

from dataclasses import dataclass

import numpy as np

LEVEL_MONTHS = 18
# Standard deviation of a month's regular spending around its level, as a part of the level: what the sample's users have.
MONTH_NOISE = 0.25
# Prior standard deviation of the elasticity of spending to income.
INCOME_SD = 0.5
WINSOR_WIDTH = 1.5


@dataclass(frozen=True)
class LevelPriors:
    """Priors of the regression, chosen by a back-test on the training users.

    Attributes:
        months: weight of users of similar income, in months of the user's own history.
        slope_sd: standard deviation of a user's own yearly growth beyond that of all users; 0 for none.
    """

    months: float = 0.5
    slope_sd: float = 0.0


# The first is kept unless another one is clearly better.
CANDIDATES = tuple(LevelPriors(months, slope) for slope in (0.0, 0.15) for months in (0.5, 0.25, 1.0, 2.0))


def estimate_level(
    values: np.ndarray, income: np.ndarray, income_now: float, expected: float, priors: LevelPriors
) -> float:
    """The level of the coming months at the present income, in rupees a month.

    Posterior mean of ``value / scale = level + elasticity * log(income / income_now) + slope * years + noise``, with
    values winsorised (``winsorise``).

    Args:
        values: deseasonalised regular spending of each month, oldest first, rupees.
        income: income of the same months, rupees.
        income_now: typical income of a recent month, rupees; 0 where it is unknown.
        expected: level of users of similar income, rupees: the prior mean, and the answer where there are no values.
        priors: weight of that prior and of the slope's.
    """
    values = values[-LEVEL_MONTHS:]
    months = len(values)
    if not months:
        return expected
    usual = winsorise(values)
    scale = max(float(np.median(usual)), float(usual.mean()), 1.0)
    target = usual / scale
    columns = [np.ones(months), income_change(income, income_now)[-LEVEL_MONTHS:]]
    precision = [priors.months, (MONTH_NOISE / INCOME_SD) ** 2]
    if priors.slope_sd > 0:
        columns.append((np.arange(months) - months) / 12)
        precision.append((MONTH_NOISE / priors.slope_sd) ** 2)
    design = np.stack(columns, axis=1)
    moments = design.T @ target
    moments[0] += priors.months * expected / scale
    effects = np.linalg.solve(design.T @ design + np.diag(precision), moments)
    return max(float(effects[0]), 0.0) * scale


def winsorise(values: np.ndarray) -> np.ndarray:
    """Values within ``WINSOR_WIDTH`` robust standard deviations of their median. Shape (months,).

    Of a user who spends in fewer than half of the months, the median and its deviation are 0: their amounts are limited
    to twice their usual size.
    """
    center = float(np.median(values))
    reach = WINSOR_WIDTH * float(robust_sd(values - center))
    if center <= 0 and values.any():
        reach = 2 * float(np.median(values[values > 0]))
    return np.clip(values, center - reach, center + reach)


def income_change(income: np.ndarray, now: float) -> np.ndarray:
    """Logarithm of each month's income over the present one, within a factor of 2, smoothed by a median of 3 months."""
    if now <= 0 or not len(income):
        return np.zeros(len(income))
    padded = np.concatenate([income[:1], income, income[-1:]])
    smooth = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    return np.log(np.clip(smooth / now, 0.5, 2.0))


def huber_mean(values: np.ndarray) -> np.ndarray:
    """Huber's mean along the last axis: values are clipped to ``WINSOR_WIDTH`` robust standard deviations.

    Args:
        values: shape (..., months), at least one month.
    """
    center = np.median(values, axis=-1, keepdims=True)
    reach = WINSOR_WIDTH * robust_sd(values - center)[..., None]
    for _ in range(5):
        center = np.clip(values, center - reach, center + reach).mean(axis=-1, keepdims=True)
    return center[..., 0]


def robust_sd(errors: np.ndarray) -> np.ndarray:
    """Standard deviation along the last axis by the median absolute error (exact for a normal distribution)."""
    return 1.4826 * np.median(np.abs(errors), axis=-1)
