"""From surprises to evidence: one weighed sum for each kind of departure, of which only the suspicious side counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nivesh.features.behaviour import FEATURES, SURPRISES

CAP = 12.0
# Of a young past little is known to be unusual: its first row needs so much more evidence, its FIRM-th none.
CAUTION, FIRM = 3.0, 40
COPIES = 6  # of the strongest kind's evidence, so that trees ask for it as often as for the others
LABELLED = "labelled"
MOST_ORDINARY = 15_000
EXPECTED = 0.002  # share of rows that are a departure of one kind
COLUMN = {name: place for place, name in enumerate(FEATURES)}
PLAIN = [COLUMN[name] for name in SURPRISES]


@dataclass(frozen=True)
class Evidence:
    """Weights of the evidence for each kind.

    Attributes:
        kinds: names of the kinds of departure.
        weights: (kinds, columns of ``together``).
        offsets: (kinds,) evidence of a row without any surprise.
    """

    kinds: tuple[str, ...]
    weights: np.ndarray
    offsets: np.ndarray

    def of(self, features: np.ndarray) -> np.ndarray:
        """Evidence of rows: (rows, FEATURES) -> (rows, kinds + COPIES), at least 0."""
        logits = together(features) @ self.weights.T + self.offsets
        young = np.maximum(0.0, 1 - features[:, COLUMN["history"]] / FIRM)
        logits = np.clip(logits - CAUTION * young[:, None], -8.0, 14.0)
        # Below zero a row is merely ordinary: the softplus keeps ordinary rows from being isolated for it.
        suspicious = np.logaddexp(0.0, logits + 1.0)
        strongest = suspicious.max(axis=1, keepdims=True)
        return np.hstack([suspicious, *[strongest] * COPIES])


def together(features: np.ndarray) -> np.ndarray:
    """Surprises, capped, and those that mean more when they come together; (rows, FEATURES) -> (rows, columns)."""
    plain = np.minimum(features[:, PLAIN], CAP)
    get = {name: np.minimum(features[:, place], CAP) for name, place in COLUMN.items()}
    user, category = get["amount_user"], np.maximum(get["amount_category"], get["amount_merchant"])
    merchant, kind, city = get["merchant_new"] > 0, get["category_new"] > 0, get["city_unseen"] > 0
    extra = [
        user**2 / 4, category**2 / 4, user * merchant, user * kind, user * city, user * get["hour"] / 3,
        category * get["hour"] / 3, get["haste"] * city, get["small"] * merchant, get["burst_10m"] * merchant,
        merchant, kind, city, get["over_merchant"] * (category > 2), get["rank_user"] * kind, get["rank_user"] * merchant,
        get["rank_user"] * get["hour"] / 3, 10 / (1 + features[:, COLUMN["history"]] / 20),
    ]  # fmt: skip
    return np.column_stack([plain, np.clip(np.column_stack(extra).astype(float), 0.0, 15.0)])


def weigh(frame: pd.DataFrame, strength: float, fewest: int, seed: int) -> Evidence:
    """Learn the weights from made-up departures and, where there are enough, from labelled anomalies.

    Args:
        frame: rows with FEATURES, ``made`` (kind of a made-up row, "" for real rows) ``is_anomaly`` (0, 1)
            and ``anomaly_kind`` ("" where unknown).
        strength: inverse of the penalty on the weights.
        fewest: rows of a kind from which it can be learnt.
        seed: draws the ordinary rows to learn from.
    """
    from sklearn.linear_model import LogisticRegression

    made, labelled = frame["made"].to_numpy(), frame["is_anomaly"].to_numpy() == 1
    wanted = {kind: made == kind for kind in sorted(set(made) - {""})}
    wanted["any"] = (made != "") | labelled
    wanted[LABELLED] = labelled
    names = frame["anomaly_kind"].to_numpy()
    wanted |= {f"{LABELLED} {name}": labelled & (names == name) for name in sorted(set(names[labelled]) - {""})}
    wanted = {kind: hits for kind, hits in wanted.items() if hits.sum() >= fewest}

    # Ordinary rows abound: a part of them, weighing as much as all, gives the same weights sooner.
    ordinary = np.flatnonzero(~wanted["any"])
    drawn = np.random.default_rng(seed).permutation(ordinary)[:MOST_ORDINARY]
    x = together(frame[list(FEATURES)].to_numpy())
    scale = np.maximum(x[drawn].std(axis=0), 0.05)
    # Every made-up kind is as likely as every other, however many rows its bursts have.
    weight = np.ones(len(frame))
    weight[drawn] = len(ordinary) / len(drawn)
    for kind in set(made) - {""}:
        weight[made == kind] = EXPECTED * len(ordinary) / (made == kind).sum()
    fitted = []
    for hits in wanted.values():
        rows = np.concatenate([drawn, np.flatnonzero(hits)])
        model = LogisticRegression(C=strength, max_iter=500)
        fitted.append(model.fit(x[rows] / scale, hits[rows], sample_weight=weight[rows]))
    weights = np.vstack([one.coef_[0] / scale for one in fitted])
    return Evidence(tuple(wanted), weights, np.array([float(one.intercept_[0]) for one in fitted]))
