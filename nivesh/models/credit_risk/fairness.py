"""Whether the model treats groups alike: Fairlearn's metrics by gender, region and age band.

The event predicted is "declined", a probability of default in the high category; the false positives of a group are
its members who would have repaid and are declined, the false negatives those who default and are not. Approval rates
(not declined) give the demographic parity.

A difference between small groups says little. So each limit is widened to what groups of just these sizes show by chance
in 99 of 100 cases when the model treats them alike, found by exchanging the members of groups at random.
"""

from typing import Any

import numpy as np
import pandas as pd

from nivesh.models.credit_risk.terms import HIGH

ODDS_LIMIT = 0.10
PARITY_LIMIT = 0.80  # the four-fifths rule
MIN_ROWS, MIN_EACH = 50, 10
CERTAINTY = 0.99
SHUFFLES = 2000
AGE_BANDS = {"18-25": 25, "26-35": 35, "36-50": 50, "51-100": 100}


def fairness(frame: pd.DataFrame, chances: np.ndarray) -> dict[str, Any]:
    """Metrics by gender, region and age band.

    Args:
        frame: applications with gender, region, age and defaulted.
        chances: their probabilities of default.

    Returns:
        Per attribute: Fairlearn's differences and ratio over the groups that are large enough (None where fewer than
        two are), the limits that these groups' sizes allow, and the figures of every group. ``limits_broken`` counts
        the limits broken by attributes with at least two such groups.
    """
    declined = chances >= HIGH
    ages = pd.cut(frame["age"], [0, *AGE_BANDS.values()], labels=list(AGE_BANDS)).astype(str)
    attributes = {"gender": frame["gender"], "region": frame["region"], "age_band": ages}
    result: dict[str, Any] = {
        name: _attribute(frame["defaulted"], declined, groups) for name, groups in attributes.items()
    }
    return {"limits_broken": sum(_broken(name, figures) for name, figures in result.items())} | result


def _broken(name: str, figures: dict[str, Any]) -> int:
    """How many limits an attribute breaks, if it can be judged.

    Age bands are held to the parity of approvals only: people of different ages differ in what they earn and owe, which
    moves a group's error rates although everybody is measured alike.
    """
    if figures["groups_judged"] < 2:
        return 0
    odds = figures["equalized_odds_difference"] > figures["equalized_odds_allowed"] and name != "age_band"
    return int(odds) + int(figures["demographic_parity_ratio"] < figures["parity_ratio_required"])


def _attribute(defaulted: pd.Series, declined: np.ndarray, groups: pd.Series) -> dict[str, Any]:
    from fairlearn.metrics import (
        MetricFrame,
        count,
        demographic_parity_difference,
        demographic_parity_ratio,
        equalized_odds_difference,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
    )
    from sklearn.metrics import accuracy_score

    truth, groups = defaulted.to_numpy(), groups.to_numpy()
    figures = MetricFrame(
        metrics={
            "rows": count,
            "default_rate": lambda y, _: float(np.mean(y)),
            "approval_rate": lambda _, d: float(1 - np.mean(d)),
            "false_positive_rate": false_positive_rate,
            "false_negative_rate": false_negative_rate,
            "accuracy": accuracy_score,
        },
        y_true=truth,
        y_pred=declined.astype(int),
        sensitive_features=pd.Series(groups, name="group"),
    ).by_group
    sizes = pd.DataFrame({"group": groups, "bad": truth}).groupby("group")["bad"].agg(["size", "sum"])
    large = (sizes["size"] >= MIN_ROWS) & (sizes["sum"] >= MIN_EACH) & (sizes["size"] - sizes["sum"] >= MIN_EACH)
    judged = np.isin(groups, large.index[large])
    result: dict[str, Any] = {
        "groups_judged": int(large.sum()),
        "groups_too_small": int((~large).sum()),
        "selection_rate": float(selection_rate(truth, (~declined).astype(int))),
        "demographic_parity_difference": None,
        "demographic_parity_ratio": None,
        "equalized_odds_difference": None,
        "equalized_odds_allowed": None,
        "parity_ratio_required": None,
    }
    if large.sum() >= 2:
        y, d, g = truth[judged], declined[judged], groups[judged]
        odds, parity = _by_chance(y, d, g)
        approved = (~d).astype(int)
        result |= {
            "demographic_parity_difference": float(demographic_parity_difference(y, approved, sensitive_features=g)),
            "demographic_parity_ratio": float(demographic_parity_ratio(y, approved, sensitive_features=g)),
            "equalized_odds_difference": float(equalized_odds_difference(y, d.astype(int), sensitive_features=g)),
            "equalized_odds_allowed": max(ODDS_LIMIT, odds),
            "parity_ratio_required": min(PARITY_LIMIT, parity),
        }
    result["groups"] = {
        str(name): {column: float(value) for column, value in row.items()} | {"judged": int(large[name])}
        for name, row in figures.iterrows()
    }
    return result


def _by_chance(truth: np.ndarray, declined: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """What equal treatment shows at most in 99 of 100 cases: (equalized odds difference, demographic parity ratio)."""
    rng = np.random.default_rng(0)
    _, codes = np.unique(groups, return_inverse=True)
    spread = []
    for outcome in (0, 1):  # odds: within those of the same outcome, whose numbers per group are kept
        of = truth == outcome
        rates = _shuffled(rng, np.bincount(codes[of]), int(declined[of].sum()))
        spread.append(rates.max(axis=1) - rates.min(axis=1))
    approvals = _shuffled(rng, np.bincount(codes), int((~declined).sum()))
    parity = approvals.min(axis=1) / np.maximum(approvals.max(axis=1), 1e-9)
    return float(np.quantile(np.maximum(*spread), CERTAINTY)), float(np.quantile(parity, 1 - CERTAINTY))


def _shuffled(rng: np.random.Generator, sizes: np.ndarray, marked: int) -> np.ndarray:
    """Share of marked rows in groups of these sizes when so many are marked blindly: (SHUFFLES, groups)."""
    return rng.multivariate_hypergeometric(sizes, marked, SHUFFLES, method="marginals") / sizes
