"""Fit: weigh the evidence on made-up departures, grow the forest on real rows, choose the threshold on other users."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.behaviour import FEATURES, fold
from nivesh.models.anomaly_detector import forest
from nivesh.models.anomaly_detector.departures import with_departures
from nivesh.models.anomaly_detector.evidence import Evidence, weigh
from nivesh.settings import settings

FEWEST_ROWS = 100
FEWEST_USERS = 4  # with fewer, the threshold comes from each user's last rows
HELD = 0.3
MOST_ROWS = 60_000  # real rows to learn from; more make it slower, not better
KIND_ROWS = 15
FEWEST_MADE, MOST_MADE = 600, 0.1  # made-up rows, and the share of them that still leaves histories alone


@dataclass(frozen=True)
class Model:
    """A fitted detector.

    Attributes:
        evidence: weights of the surprises for each kind of departure.
        trees: the Isolation Forest over the evidence.
        threshold: rows that score above it are anomalies.
        baseline_threshold: the same for the baseline, z-scores of the user's amounts.
        facts: numbers about the fit for the model card.
    """

    evidence: Evidence
    trees: forest.Forest
    threshold: float
    baseline_threshold: float
    facts: dict = field(default_factory=dict)

    def score(self, features: np.ndarray) -> np.ndarray:
        """Anomaly scores between 0 and 1; (rows, FEATURES) -> (rows,)."""
        return self.trees.score(self.evidence.of(features))


def baseline(frame: pd.DataFrame) -> np.ndarray:
    """What a z-score of the amount against the user's own payments would say."""
    return frame["amount_user"].to_numpy()


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    contamination: float = 0.01,
    false_positive_budget: float = 0.008,
    trees: int = 100,
    samples: int = 4096,
    departures: float = 0.015,
    strength: float = 0.02,
    seed: int = 0,
) -> Model:
    """Learn what departs from people's own habits.

    Args:
        train: output of ``build_features``; ``is_anomaly`` may be missing.
        progress: is told the finished fraction and a text.
        contamination: where rows have no labels, the share of them to be flagged.
        false_positive_budget: where rows have labels, the share of ordinary rows that may be flagged.
        trees: number of trees of the forest.
        samples: rows that each tree is grown from.
        departures: made-up rows per real row, for weighing the evidence; more where rows are few.
        strength: inverse of the penalty on the evidence's weights.
        seed: start of the random numbers.

    Raises:
        DataError: too few rows, or a parameter is out of range.
    """
    labelled = "is_anomaly" in train and bool((train["is_anomaly"] == 1).any())
    _check(train, contamination, false_positive_budget, trees, samples, departures, strength)
    progress(0.02, "choosing users for the threshold")
    learn, held = _hold_out(train, seed)
    learn = _limit(learn, seed)
    progress(0.05, "making departures")
    mixed = with_departures(learn, min(max(departures, FEWEST_MADE / len(learn)), MOST_MADE), seed)
    progress(0.2, f"features of {len(mixed)} rows with departures")
    values, _ = fold(mixed)
    marks = mixed["is_anomaly"].to_numpy() if labelled else np.zeros(len(mixed))
    marked = pd.DataFrame(values, columns=list(FEATURES))
    names = mixed["anomaly_kind"].fillna("").to_numpy() if "anomaly_kind" in mixed else ""
    marked = marked.assign(
        made=mixed["made"].to_numpy(), is_anomaly=np.where(mixed["made"] != "", 0, marks), anomaly_kind=names
    )
    progress(0.5, "weighing the evidence")
    evidence = weigh(marked, strength, KIND_ROWS, seed)
    progress(0.7, f"growing {trees} trees")
    real = evidence.of(learn[list(FEATURES)].to_numpy())
    grown = forest.grow(real, trees, samples, seed, settings().threads or -1)
    progress(0.9, "choosing the threshold")
    model = Model(evidence, grown, 0.0, 0.0)
    scores = model.score(held[list(FEATURES)].to_numpy())
    ordinary = held["is_anomaly"].to_numpy() == 0 if labelled else np.ones(len(held), bool)
    budget = false_positive_budget if labelled else contamination
    facts = {
        "rows_learned": len(learn), "rows_threshold": len(held), "labelled": labelled,
        "threshold_from": "false_positive_budget" if labelled else "contamination", "kinds": list(evidence.kinds),
    }  # fmt: skip
    threshold = float(np.quantile(scores[ordinary], 1 - budget))
    simple = float(np.quantile(baseline(held)[ordinary], 1 - budget))
    progress(1.0, f"threshold {threshold:.4f}")
    return Model(evidence, grown, threshold, simple, facts)


def _check(train, contamination, budget, trees, samples, departures, strength) -> None:
    if len(train) < FEWEST_ROWS:
        raise DataError(f"{len(train)} transactions are too few to learn from: at least {FEWEST_ROWS} are needed")
    for name, value in (("contamination", contamination), ("false_positive_budget", budget)):
        if not 0 < value < 0.5:
            raise DataError(f"{name}={value}: give a share between 0 and 0.5, such as 0.01")
    if not 1 <= trees <= 2000 or not 2 <= samples <= 1_000_000:
        raise DataError(f"trees={trees}, samples={samples}: give 1 to 2000 trees of 2 to 1,000,000 rows")
    if not 0.001 <= departures <= 0.5 or strength <= 0:
        raise DataError(f"departures={departures}, strength={strength}: give 0.001 to 0.5, and a number above 0")


def _hold_out(train: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    users = np.array(sorted(train["user_id"].unique()))
    if len(users) >= FEWEST_USERS:
        held = np.random.default_rng(seed).permutation(users)[: max(1, round(HELD * len(users)))]
        mask = train["user_id"].isin(held).to_numpy()
    else:
        groups = train.groupby("user_id")["user_id"]
        mask = (groups.cumcount() >= (1 - HELD) * groups.transform("size")).to_numpy()
    return train[~mask], train[mask]


def _limit(learn: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All rows of as many users as the limit allows, at least one."""
    if len(learn) <= MOST_ROWS:
        return learn
    users = pd.Series(sorted(learn["user_id"].unique())).sample(frac=1.0, random_state=seed)
    sizes = learn["user_id"].value_counts().reindex(users).cumsum()
    return learn[learn["user_id"].isin(sizes.index[: max(1, int((sizes <= MOST_ROWS).sum()))])]


def save(model: Model, folder: Path) -> None:
    """Write model.json and forest.npz, which hold numbers and names only."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    forest.save(model.trees, folder / "forest.npz")
    facts = {
        "features": list(FEATURES), "kinds": list(model.evidence.kinds), "weights": model.evidence.weights.tolist(),
        "offsets": model.evidence.offsets.tolist(), "threshold": model.threshold,
        "baseline_threshold": model.baseline_threshold, "facts": model.facts,
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def load(folder: Path) -> Model:
    """Read what ``save`` wrote.

    Raises:
        DataError: the model was trained with other features than this version of the project computes.
    """
    facts = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
    if facts["features"] != list(FEATURES):
        raise DataError(f"{folder}: the model was trained with other features; train it again with this version")
    evidence = Evidence(tuple(facts["kinds"]), np.array(facts["weights"]), np.array(facts["offsets"]))
    trees = forest.load(Path(folder) / "forest.npz")
    return Model(evidence, trees, facts["threshold"], facts["baseline_threshold"], facts["facts"])
