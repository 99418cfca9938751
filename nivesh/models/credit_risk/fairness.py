"""Whether the model treats groups alike: Fairlearn's metrics by gender, region and age band.

The predicted event is "declined", a probability of default in the high category: false positives are applicants who
repaid and would be declined, false negatives those who defaulted and would not. Approval rates (not declined) give the
demographic parity.

Small groups differ by chance. So each limit is widened to the 99th percentile of a permutation test: what groups of
these sizes show when group membership is exchanged at random, that is when the model treats them alike.
"""

from typing import Any

import numpy as np
import pandas as pd

from nivesh.models.credit_risk.schema import HIGH

MAX_ODDS_DIFFERENCE = 0.10  # see "Fairness limits" in docs/experiments/credit_risk.md
MIN_PARITY_RATIO = 0.80  # the four-fifths rule of the US EEOC's Uniform Guidelines (29 CFR 1607.4 D)
MIN_ROWS, MIN_EACH = 50, 10  # of a group to be tested: rows, and rows of each outcome
CONFIDENCE = 0.99
PERMUTATIONS = 2000
AGE_BANDS = {"18-25": 25, "26-35": 35, "36-50": 50, "51-100": 100}


def fairness(frame: pd.DataFrame, probabilities: np.ndarray) -> dict[str, Any]:
    """Metrics by gender, region and age band.

    Args:
        frame: applications with gender, region, age and defaulted.
        probabilities: of default, (rows,).

    Returns:
        Per attribute: Fairlearn's differences and ratio over the groups that are large enough (None where fewer than
        two are), the limits that these groups' sizes allow, and the figures of every group. ``limits_broken`` counts
        the limits broken by attributes with at least two such groups.
    """
    declined = probabilities >= HIGH
    ages = pd.cut(frame["age"], [0, *AGE_BANDS.values()], labels=list(AGE_BANDS)).astype(str)
    attributes = {"gender": frame["gender"], "region": frame["region"], "age_band": ages}
    result: dict[str, Any] = {
        name: _attribute(frame["defaulted"], declined, groups) for name, groups in attributes.items()
    }
    return {"limits_broken": sum(_broken(name, figures) for name, figures in result.items())} | result


def _broken(name: str, figures: dict[str, Any]) -> int:
    """How many limits an attribute breaks; none where fewer than two of its groups are large enough.

    Age bands are held to the parity of approvals only: incomes and debts differ by age, which moves a group's error
    rates even where all are treated alike.
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
        odds, parity = _permutation_bounds(y, d, g)
        approved = (~d).astype(int)
        result |= {
            "demographic_parity_difference": float(demographic_parity_difference(y, approved, sensitive_features=g)),
            "demographic_parity_ratio": float(demographic_parity_ratio(y, approved, sensitive_features=g)),
            "equalized_odds_difference": float(equalized_odds_difference(y, d.astype(int), sensitive_features=g)),
            "equalized_odds_allowed": max(MAX_ODDS_DIFFERENCE, odds),
            "parity_ratio_required": min(MIN_PARITY_RATIO, parity),
        }
    result["groups"] = {
        str(name): {column: float(value) for column, value in row.items()} | {"judged": int(large[name])}
        for name, row in figures.iterrows()
    }
    return result


def _permutation_bounds(truth: np.ndarray, declined: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The largest equalized odds difference and the smallest demographic parity ratio of 99 % of the permutations.

    Args:
        truth: (rows,) of 0 and 1.
        declined: (rows,) of booleans.
        groups: (rows,) of group names.
    """
    rng = np.random.default_rng(0)
    _, codes = np.unique(groups, return_inverse=True)
    spread = []
    for outcome in (0, 1):  # odds: exchanged within each outcome, whose group sizes are kept
        rows = truth == outcome
        rates = _permuted_rates(rng, np.bincount(codes[rows]), int(declined[rows].sum()))
        spread.append(rates.max(axis=1) - rates.min(axis=1))
    approvals = _permuted_rates(rng, np.bincount(codes), int((~declined).sum()))
    parity = approvals.min(axis=1) / np.maximum(approvals.max(axis=1), 1e-9)
    return float(np.quantile(np.maximum(*spread), CONFIDENCE)), float(np.quantile(parity, 1 - CONFIDENCE))


def _permuted_rates(rng: np.random.Generator, sizes: np.ndarray, marked: int) -> np.ndarray:
    """Share of marked rows in groups of these sizes when ``marked`` rows are drawn at random: (PERMUTATIONS, groups)."""
    return rng.multivariate_hypergeometric(sizes, marked, PERMUTATIONS, method="marginals") / sizes
