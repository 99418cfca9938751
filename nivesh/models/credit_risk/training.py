"""Split and fit."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import logit

from nivesh.errors import DataError
from nivesh.features.finances import EMPLOYMENT_RISK
from nivesh.models.credit_risk import scorecard
from nivesh.models.credit_risk.classifier import (
    FEATURES,
    IMPUTED,
    SERVING_THREADS,
    CreditRisk,
    feature_matrix,
    impute,
    margin,
)
from nivesh.models.interface import Progress
from nivesh.settings import thread_count
from nivesh.spec import Split

FOLDS = 5
ROWS_PER_THREAD = 20_000  # with fewer rows, synchronising threads costs more than they save
TEST_FOLDS = 4  # one is held out: a quarter of the rows
MIN_EACH = 20  # rows of each outcome

MIN_WORD_ROWS = 50  # of an employment type, to learn its rank
PRIOR_ROWS = 50  # weight of the default rate of all rows in that of a word
RANKS_PER_LOG_ODDS = 2.5  # from salaried to unemployed, five ranks, the samples' log-odds of default rise by 2.0
MAX_RANK = max(EMPLOYMENT_RISK.values())

# The guide's raw columns: the baseline's inputs.
BASELINE_COLUMNS = [
    "monthly_income",
    "income_stability",
    "existing_emis",
    "debt_to_income",
    "existing_loan_count",
    "on_time_payment_pct",
    "emergency_fund_months",
    "credit_utilization",
    "loan_amount",
    "loan_tenure_months",
]


def split(frame: pd.DataFrame, seed: int = 0) -> Split:
    """A quarter of the users held out with all their applications, with about the same share of defaults.

    Raises:
        DataError: too few repaid or defaulted applications for a training and a test part.
    """
    _require_rows(frame, MIN_EACH + 4)
    train, test = next(_folds(frame, TEST_FOLDS, seed))
    why = "a quarter of the users, drawn at random with all their applications; stratified by outcome"
    return Split(frame.iloc[train].reset_index(drop=True), frame.iloc[test].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Progress,
    n_estimators: int = 150,
    max_depth: int = 3,
    learning_rate: float = 0.04,
    min_child_weight: float = 5.0,
    subsample: float = 0.7,
    colsample_bytree: float = 0.6,
    reg_lambda: float = 5.0,
    seed: int = 0,
) -> CreditRisk:
    """A scorecard, boosted trees on top of it, and Platt's calibration; each feature moves the risk in one direction.

    The calibration is fitted on out-of-fold log-odds (cross-fitting by user within the training rows), so it needs no
    rows of its own. The defaults are those of docs/experiments/credit_risk.md.

    Args:
        train: rows of ``build_features``.
        progress: called with the finished fraction, 0 to 1, and a text.
        n_estimators: number of trees; depth, learning rate and the rest are XGBoost's parameters of these names.
        seed: of the folds and of the rows and columns sampled for each tree.

    Raises:
        DataError: fewer than ``MIN_EACH`` repaid or defaulted applications.
    """
    _require_rows(train, MIN_EACH)
    params = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": max_depth,
        "learning_rate": learning_rate,
        "min_child_weight": min_child_weight,
        "subsample": subsample,
        "colsample_bytree": colsample_bytree,
        "reg_lambda": reg_lambda,
        "monotone_constraints": tuple(FEATURES.values()),
        "base_score": 0.5,  # log-odds of 0: the trees add to the scorecard and to nothing else
        "seed": seed,
        "nthread": max(1, min(thread_count(), len(train) // ROWS_PER_THREAD)),
    }
    ranks = learn_employment_ranks(train)
    typical = _typical(train, ranks)
    columns, _ = impute(train, ranks, typical)
    inputs = feature_matrix(columns)
    label = train["defaulted"].to_numpy()
    out_of_fold = np.zeros(len(train))
    for fold, (rows, held_out) in enumerate(_folds(train, FOLDS, seed)):
        callback = _TreeProgress(progress, fold / (FOLDS + 1), f"fold {fold + 1} of {FOLDS} for the calibration")
        out_of_fold[held_out] = margin(
            *_boost(inputs[rows], label[rows], params, n_estimators, callback), inputs[held_out]
        )
    slope, intercept = _platt(out_of_fold, label)
    callback = _TreeProgress(progress, FOLDS / (FOLDS + 1), "all rows")
    line, booster = _boost(inputs, label, params, n_estimators, callback)
    booster.set_param({"nthread": SERVING_THREADS})
    progress(1.0, f"fitted {n_estimators} trees on {len(train)} applications")
    return CreditRisk(
        scorecard=line,
        booster=booster,
        slope=slope,
        intercept=intercept,
        employment_ranks=ranks,
        typical=typical,
        medians=dict(zip(FEATURES, np.median(inputs, axis=0).astype(float).tolist(), strict=True)),
        baseline=_baseline(columns, label),
    )


class _TreeProgress(xgb.callback.TrainingCallback):
    """Reports the number of fitted trees."""

    EVERY = 50

    def __init__(self, progress: Progress, fraction: float, text: str):
        self.progress, self.fraction, self.text = progress, fraction, text

    def after_iteration(self, model: Any, epoch: int, evals_log: dict) -> bool:
        if epoch % self.EVERY == 0:
            self.progress(self.fraction, f"{self.text}, tree {epoch + 1}")
        return False  # continue


def _boost(
    inputs: np.ndarray, label: np.ndarray, params: dict[str, Any], rounds: int, callback: _TreeProgress
) -> tuple[dict[str, Any], xgb.Booster]:
    """A scorecard, and trees fitted to what it misses."""
    line = scorecard.fit(inputs, label, np.array(list(FEATURES.values())))
    start = scorecard.margin(line, inputs)
    rows = xgb.DMatrix(inputs, label, base_margin=start, feature_names=list(FEATURES), nthread=params["nthread"])
    return line, xgb.train(params, rows, num_boost_round=rounds, callbacks=[callback])


def _folds(frame: pd.DataFrame, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    cut = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return cut.split(frame, frame["defaulted"], groups=frame["user_id"])


def _platt(margin: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=1e6).fit(margin[:, None], label)
    # With few rows the margins can be noise; a negative slope would turn every monotone constraint round.
    return max(float(line.coef_[0, 0]), 1e-3), float(line.intercept_[0])


def learn_employment_ranks(train: pd.DataFrame) -> dict[str, float]:
    """Risk rank of each employment type: the fixed ones, and words of the data that have rows enough.

    A word that ``EMPLOYMENT_RISK`` does not have is placed on its scale by how far its default rate, in log-odds and
    shrunk towards that of all rows, lies from the rate of all rows. Words with fewer than ``MIN_WORD_ROWS`` rows are
    left out, so that ``impute`` takes them as neutral.
    """
    ranks = {word: float(rank) for word, rank in EMPLOYMENT_RISK.items()}
    known = train["employment_type"].map(ranks).dropna()
    middle = float(known.mean()) if len(known) >= MIN_WORD_ROWS else MAX_RANK / 2
    overall = train["defaulted"].mean()
    words = train.groupby("employment_type", observed=True)["defaulted"].agg(["size", "sum"])
    for word, rows, defaults in words.itertuples():
        if word not in ranks and rows >= MIN_WORD_ROWS:
            rate = (defaults + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS)
            ranks[str(word)] = float(np.clip(middle + RANKS_PER_LOG_ODDS * (logit(rate) - logit(overall)), 0, MAX_RANK))
    return ranks


def _baseline(columns: Mapping[str, np.ndarray], label: np.ndarray) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    inputs = np.column_stack([columns[name] for name in BASELINE_COLUMNS])
    scaler = StandardScaler().fit(inputs)
    line = LogisticRegression(max_iter=1000).fit(scaler.transform(inputs), label)
    return {
        "columns": BASELINE_COLUMNS,
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "coefficients": line.coef_[0].tolist(),
        "intercept": float(line.intercept_[0]),
    }


def _typical(train: pd.DataFrame, ranks: Mapping[str, float]) -> dict[str, float]:
    known = train["employment_type"].map(ranks).dropna()
    neutral = float(known.mean()) if len(known) else MAX_RANK / 2
    return {name: float(train[name].median()) for name in IMPUTED} | {"employment_risk": neutral}


def _require_rows(frame: pd.DataFrame, each: int) -> None:
    defaulted = int(frame["defaulted"].sum())
    repaid = len(frame) - defaulted
    users = frame.groupby("defaulted")["user_id"].nunique()
    if min(defaulted, repaid) < each or users.min() < FOLDS:
        raise DataError(
            f"{defaulted} defaulted and {repaid} repaid applications: too few to train on; "
            f"at least {each} of each are needed, of {FOLDS} or more users"
        )
