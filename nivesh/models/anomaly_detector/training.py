"""Training: fit the evidence to synthetic anomalies and the forest to real rows, then choose the threshold."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.behaviour import FEATURES, offline_features
from nivesh.models.anomaly_detector import forest
from nivesh.models.anomaly_detector.evaluation import MIN_LABELLED, baseline
from nivesh.models.anomaly_detector.evidence import fit_evidence
from nivesh.models.anomaly_detector.inference import Detector
from nivesh.models.anomaly_detector.synthetic_anomalies import inject
from nivesh.settings import settings
from nivesh.spec import Split

TEST_SHARE, VALIDATION_SHARE = 0.25, 0.3  # of the users
MIN_ROWS = 100
MIN_USERS = 4  # with fewer, the threshold is chosen on each user's last rows
MAX_ROWS = 60_000  # real rows to fit on; more take longer and change nothing
MIN_KIND_ROWS = 15  # anomalies of a kind from which its evidence is fitted
MIN_SYNTHETIC, MAX_SYNTHETIC_SHARE = 600, 0.1  # rows; and the share that still leaves the users' pasts as they are


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out a quarter of the users with all their rows.

    Raises:
        DataError: there are fewer than two users.
    """
    users = np.array(sorted(frame["user_id"].unique()))
    if len(users) < 2:
        raise DataError(f"{len(users)} user is too few: at least 2 are needed, so that one can be held out")
    test_users = np.random.default_rng(seed).permutation(users)[: max(1, round(TEST_SHARE * len(users)))]
    in_test = frame["user_id"].isin(test_users)
    why = f"{len(test_users)} of {len(users)} users, drawn at random, are held out with all their transactions"
    return Split(frame[~in_test].reset_index(drop=True), frame[in_test].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    contamination: float = 0.01,
    false_positive_budget: float = 0.008,
    trees: int = 100,
    samples: int = 4096,
    synthetic_share: float = 0.015,
    C: float = 0.02,
    seed: int = 0,
) -> Detector:
    """Fit a detector; labels are used where there are some, and not needed.

    Args:
        train: output of ``build_features``; ``is_anomaly`` may be missing or 0 throughout.
        progress: called with the finished fraction and a message.
        contamination: with fewer than ``MIN_LABELLED`` labelled anomalies, the share of rows to flag.
        false_positive_budget: with more, the share of ordinary rows that may be flagged.
        trees: number of trees of the forest.
        samples: rows that each tree is fitted to.
        synthetic_share: synthetic anomalies per real row, to fit the evidence; more where rows are few.
        C: inverse of the penalty on the evidence's weights.
        seed: of the random numbers.

    Raises:
        DataError: too few rows, or a parameter is out of range.
    """
    _check(train, contamination, false_positive_budget, trees, samples, synthetic_share, C)
    progress(0.02, "choosing users for the threshold")
    labels = train["is_anomaly"].to_numpy() == 1 if "is_anomaly" in train else np.zeros(len(train), bool)
    learn, validation = _hold_out(train.assign(is_anomaly=labels.astype(int)), seed)
    learn = _limit(learn, seed)
    progress(0.05, "making synthetic anomalies")
    mixed = inject(learn, min(max(synthetic_share, MIN_SYNTHETIC / len(learn)), MAX_SYNTHETIC_SHARE), seed)
    if not (mixed["synthetic_kind"] != "").any():
        raise DataError("too few debits by user to learn from; give more transactions of each user")
    progress(0.2, f"features of {len(mixed)} rows")
    values, _ = offline_features(mixed)
    progress(0.5, "fitting the evidence")
    evidence = fit_evidence(_marked(mixed, values), C, MIN_KIND_ROWS, seed)
    progress(0.7, f"fitting {trees} trees")
    real = evidence.transform(learn[list(FEATURES)].to_numpy())
    fitted = forest.fit(real, trees, samples, seed, settings().threads or -1)
    progress(0.9, "choosing the threshold")
    by_labels = int(labels.sum()) >= MIN_LABELLED
    # Without labels a share of all rows is flagged, as scikit-learn's contamination; a few users' rows vary too much.
    reference = validation if by_labels else pd.concat([learn, validation])
    reference = reference[reference["is_anomaly"] == 0]
    scores = Detector(evidence, fitted, 0.0, 0.0).score(reference[list(FEATURES)].to_numpy())
    budget = false_positive_budget if by_labels else contamination
    threshold = float(np.quantile(scores, 1 - budget))
    metadata = {
        "rows_fitted": len(learn),
        "rows_threshold": len(reference),
        "labelled_anomalies": int(labels.sum()),
        "threshold_from": "false_positive_budget" if by_labels else "contamination",
        "kinds": list(evidence.kinds),
    }
    progress(1.0, f"threshold {threshold:.4f}")
    baseline_threshold = float(np.quantile(baseline(reference), 1 - budget))
    return Detector(evidence, fitted, threshold, baseline_threshold, metadata)


def _marked(mixed: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """The features with the columns that ``fit_evidence`` reads; synthetic rows have no labels."""
    synthetic = mixed["synthetic_kind"].to_numpy()
    names = mixed["anomaly_kind"].fillna("").to_numpy() if "anomaly_kind" in mixed else ""
    return pd.DataFrame(values, columns=list(FEATURES)).assign(
        synthetic_kind=synthetic,
        is_anomaly=np.where(synthetic == "", mixed["is_anomaly"].to_numpy(), 0),
        anomaly_kind=names,
    )


def _check(
    train: pd.DataFrame, contamination: float, budget: float, trees: int, samples: int, share: float, C: float
) -> None:
    if len(train) < MIN_ROWS:
        raise DataError(f"{len(train)} transactions are too few to learn from: at least {MIN_ROWS} are needed")
    for name, value in (("contamination", contamination), ("false_positive_budget", budget)):
        if not 0 < value < 0.5:
            raise DataError(f"{name}={value}: give a share between 0 and 0.5, such as 0.01")
    if not 1 <= trees <= 2000 or not 2 <= samples <= 1_000_000:
        raise DataError(f"trees={trees}, samples={samples}: give 1 to 2000 trees of 2 to 1,000,000 rows")
    if not 0.001 <= share <= 0.5 or C <= 0:
        raise DataError(f"synthetic_share={share}, C={C}: give 0.001 to 0.5, and a number above 0")


def _hold_out(train: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to fit on, and rows to choose the threshold on: of other users where there are enough."""
    users = np.array(sorted(train["user_id"].unique()))
    if len(users) >= MIN_USERS:
        chosen = np.random.default_rng(seed).permutation(users)[: max(1, round(VALIDATION_SHARE * len(users)))]
        mask = train["user_id"].isin(chosen).to_numpy()
    else:
        groups = train.groupby("user_id")["user_id"]
        mask = (groups.cumcount() >= (1 - VALIDATION_SHARE) * groups.transform("size")).to_numpy()
    return train[~mask], train[mask]


def _limit(learn: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All rows of as many users as ``MAX_ROWS`` allows, at least one."""
    if len(learn) <= MAX_ROWS:
        return learn
    users = pd.Series(sorted(learn["user_id"].unique())).sample(frac=1.0, random_state=seed)
    sizes = learn["user_id"].value_counts().reindex(users).cumsum()
    return learn[learn["user_id"].isin(sizes.index[: max(1, int((sizes <= MAX_ROWS).sum()))])]
