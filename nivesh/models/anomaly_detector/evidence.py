"""Evidence: one logistic regression's logit per kind of anomaly, of which only the suspicious side counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nivesh.features.behaviour import FEATURES, SURPRISALS

# Why these values: "Constants" in docs/experiments/anomaly_detector.md.
MAX_VALUE = 12.0  # of a feature in the design matrix
YOUNG_ROWS, YOUNG_PENALTY = 40, 3.0  # rows of a past up to which logits are lowered, by at most so much
STRONGEST_COPIES = 6  # columns of the strongest kind's evidence, so that isolation trees split on it often enough
LABELLED = "labelled"
MAX_ORDINARY = 15_000  # ordinary rows to fit on; more change nothing
KIND_PRIOR = 0.002  # assumed share of rows that are an anomaly of one kind
COLUMN = {name: place for place, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class Evidence:
    """Weights of the evidence for each kind.

    Attributes:
        kinds: names of the kinds of anomaly.
        weights: (kinds, columns of ``design_matrix``).
        offsets: (kinds,) logit of a row without any surprisal.
    """

    kinds: tuple[str, ...]
    weights: np.ndarray
    offsets: np.ndarray

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Evidence of rows: (rows, FEATURES) -> (rows, kinds + STRONGEST_COPIES), at least 0."""
        logits = design_matrix(features) @ self.weights.T + self.offsets
        youth = np.maximum(0.0, 1 - features[:, COLUMN["history"]] / YOUNG_ROWS)
        logits = np.clip(logits - YOUNG_PENALTY * youth[:, None], -8.0, 14.0)
        # A row far below zero is merely ordinary: the softplus keeps the trees from isolating it.
        suspicious = np.logaddexp(0.0, logits + 1.0)
        strongest = suspicious.max(axis=1, keepdims=True)
        return np.hstack([suspicious, *[strongest] * STRONGEST_COPIES])


def design_matrix(features: np.ndarray) -> np.ndarray:
    """Surprisals, capped, and products of those that mean more together; (rows, FEATURES) -> (rows, columns)."""
    surprisals = np.minimum(features[:, : len(SURPRISALS)], MAX_VALUE)
    get = {name: np.minimum(features[:, place], MAX_VALUE) for name, place in COLUMN.items()}
    user, category = get["amount_user"], np.maximum(get["amount_category"], get["amount_merchant"])
    new_merchant, new_category, new_city = (get[name] > 0 for name in ("merchant_new", "category_new", "city_unseen"))
    products = [
        user**2 / 4,
        category**2 / 4,
        user * new_merchant,
        user * new_category,
        user * new_city,
        user * get["hour"] / 3,
        category * get["hour"] / 3,
        get["impossible_travel"] * new_city,
        get["small_at_new_merchant"] * new_merchant,
        get["burst_10m"] * new_merchant,
        new_merchant,
        new_category,
        new_city,
        get["above_max_merchant"] * (category > 2),
        get["amount_tail"] * new_category,
        get["amount_tail"] * new_merchant,
        get["amount_tail"] * get["hour"] / 3,
        10 / (1 + features[:, COLUMN["history"]] / 20),
    ]
    return np.column_stack([surprisals, np.clip(np.column_stack(products).astype(float), 0.0, 15.0)])


def fit_evidence(frame: pd.DataFrame, C: float, min_rows: int, seed: int) -> Evidence:
    """Fit the weights to synthetic anomalies and, where there are enough, to labelled ones.

    Args:
        frame: rows with FEATURES, ``synthetic_kind`` ("" for real rows), ``is_anomaly`` (0, 1) and ``anomaly_kind``
            ("" where unknown).
        C: inverse of the penalty on the weights, as of scikit-learn's ``LogisticRegression``.
        min_rows: rows of a kind from which it is fitted.
        seed: draws the ordinary rows to fit on.
    """
    from sklearn.linear_model import LogisticRegression

    synthetic, labelled = frame["synthetic_kind"].to_numpy(), frame["is_anomaly"].to_numpy() == 1
    positives = {kind: synthetic == kind for kind in sorted(set(synthetic) - {""})}
    positives["any"] = (synthetic != "") | labelled
    positives[LABELLED] = labelled
    names = frame["anomaly_kind"].to_numpy()
    positives |= {f"{LABELLED} {name}": labelled & (names == name) for name in sorted(set(names[labelled]) - {""})}
    positives = {kind: hits for kind, hits in positives.items() if kind == "any" or hits.sum() >= min_rows}

    # A sample of the ordinary rows, with the weight of all, gives the same weights sooner.
    ordinary = np.flatnonzero(~positives["any"])
    drawn = np.random.default_rng(seed).permutation(ordinary)[:MAX_ORDINARY]
    x = design_matrix(frame[list(FEATURES)].to_numpy())
    scale = np.maximum(x[drawn].std(axis=0), 0.05)
    # Every synthetic kind has the same prior, however many rows its bursts have.
    weight = np.ones(len(frame))
    weight[drawn] = len(ordinary) / len(drawn)
    for kind in set(synthetic) - {""}:
        weight[synthetic == kind] = KIND_PRIOR * len(ordinary) / (synthetic == kind).sum()
    fitted = []
    for hits in positives.values():
        rows = np.concatenate([drawn, np.flatnonzero(hits)])
        model = LogisticRegression(C=C, max_iter=500)
        fitted.append(model.fit(x[rows] / scale, hits[rows], sample_weight=weight[rows]))
    weights = np.vstack([model.coef_[0] / scale for model in fitted])
    return Evidence(tuple(positives), weights, np.array([float(model.intercept_[0]) for model in fitted]))
