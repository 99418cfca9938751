"""Requests and files -> answers; the model as files."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from nivesh.errors import BundleError, DataError, UserNotFound
from nivesh.features.finances import loan_features
from nivesh.models.credit_risk.classifier import (
    FEATURES,
    IMPUTED,
    REQUIRED,
    SERVING_THREADS,
    CreditRisk,
    contributions,
    feature_matrix,
    frame_matrix,
    impute,
    probability,
)
from nivesh.models.credit_risk.explanation import OBLIGATIONS_COLUMN, answer, category, decision, reasons
from nivesh.text.normalization import category_name

FORMAT = 2
# Upper bounds of the features that are shares; all others are bounded by 1e12 only.
UPPER_BOUNDS = {"income_stability": 1.0, "on_time_payment_pct": 100.0}


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Applications with the features of their loans added (see ``loan_features``); each row by itself."""
    return frame.assign(**loan_features(frame))


def predict(model: CreditRisk, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One answer (``schema.Answer`` as a dict) per request.

    Args:
        model: the fitted model.
        requests: ``Request.model_dump()`` each, with "features": the user's online features (``USER_FEATURES``;
            others are ignored). A feature that is None or absent is imputed with the typical applicant's and listed
            in "assumed"; so is an employment_type that the model does not know. It may be in the request or among the
            features.

    Raises:
        UserNotFound: a request has no features.
        DataError: monthly_income or existing_emis is missing, or a feature is not a number in its range.
    """
    if not requests:
        return []
    rows = [_application(request) for request in requests]
    columns, assumed = impute(
        {name: [row[name] for row in rows] for name in rows[0]}, model.employment_ranks, model.typical
    )
    inputs = feature_matrix(columns)
    probabilities, shap = probability(model, inputs), contributions(model, inputs)
    emis = loan_features(columns)["emi"]
    return [
        answer(
            row | {"user_id": request["user_id"]},
            float(probabilities[i]),
            float(emis[i]),
            inputs[i],
            reasons(inputs[i], shap[i], model.medians, _known(row["employment_type"], model)),
            assumed[i],
        )
        for i, (request, row) in enumerate(zip(requests, rows, strict=True))
    ]


def predict_frame(model: CreditRisk, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Applications with probability_of_default, risk_score, risk_category, decision and reasons added.

    ``history`` is not used: an application is scored by itself.
    """
    del history
    inputs = frame_matrix(model, frame)
    probabilities, shap = probability(model, inputs), contributions(model, inputs)
    categories = [category(p) for p in probabilities]
    obligations = inputs[:, OBLIGATIONS_COLUMN]
    employment = [_known(word, model) for word in frame["employment_type"]]
    texts = [
        "; ".join(reason["text"] for reason in reasons(values, parts, model.medians, word))
        for values, parts, word in zip(inputs, shap, employment, strict=True)
    ]
    return frame.assign(
        probability_of_default=probabilities.round(4),
        risk_score=(100 * probabilities).round(2),
        risk_category=categories,
        decision=[decision(level, ratio) for level, ratio in zip(categories, obligations, strict=True)],
        reasons=texts,
    )


def save(model: CreditRisk, folder: Path) -> None:
    """Write the trees as XGBoost's own JSON (booster.json) and everything else as one JSON file (model.json)."""
    model.booster.save_model(Path(folder) / "booster.json")
    content = {
        "format": FORMAT,
        "features": list(FEATURES),
        "calibration": {"method": "platt", "slope": model.slope, "intercept": model.intercept},
        "scorecard": model.scorecard,
        "employment_ranks": model.employment_ranks,
        "typical": model.typical,
        "medians": model.medians,
        "baseline": model.baseline,
    }
    (Path(folder) / "model.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def load(folder: Path) -> CreditRisk:
    """Read what ``save`` wrote.

    Raises:
        BundleError: a file is missing, or was written for other features than this code computes.
    """
    folder = Path(folder)
    try:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        booster = xgb.Booster(model_file=folder / "booster.json")
    except (OSError, ValueError, xgb.core.XGBoostError) as error:
        raise BundleError(f"{folder}: not a saved credit_risk model ({error})") from None
    if content.get("format") != FORMAT or content.get("features") != list(FEATURES):
        raise BundleError(f"{folder}: saved with other features than this version computes; train the model again")
    booster.set_param({"nthread": SERVING_THREADS})
    calibration = content["calibration"]
    return CreditRisk(
        scorecard=content["scorecard"],
        booster=booster,
        slope=calibration["slope"],
        intercept=calibration["intercept"],
        employment_ranks=content["employment_ranks"],
        typical=content["typical"],
        medians=content["medians"],
        baseline=content["baseline"],
    )


def _application(request: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an application, from a request and the user's features."""
    user_id, features = request["user_id"], request.get("features")
    if not features or all(_is_missing(value) for value in features.values()):
        raise UserNotFound(f"no financial features of the user {user_id!r}; build and store them first")
    row: dict[str, Any] = {
        name: _number(name, features.get(name), user_id) for name in (*REQUIRED, *IMPUTED, "debt_to_income")
    }
    for name in REQUIRED:
        if math.isnan(row[name]):
            raise DataError(f"the features of {user_id!r} lack {name}, which credit_risk cannot do without")
    employment = request.get("employment_type") or features.get("employment_type")
    return row | {
        "employment_type": category_name(employment) if isinstance(employment, str) else None,
        "loan_amount": request["loan_amount"],
        "loan_tenure_months": request["loan_tenure_months"],
    }


def _known(employment: Any, model: CreditRisk) -> str:
    """The employment type if the model knows it, else ""."""
    return employment if employment in model.employment_ranks else ""


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(name: str, value: Any, user_id: str) -> float:
    if _is_missing(value):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise DataError(f"the feature {name} of {user_id!r} is {value!r}, not a number; store it again")
    if not 0 <= value <= UPPER_BOUNDS.get(name, 1e12):
        raise DataError(f"the feature {name} of {user_id!r} is {value!r}, out of its range; store it again")
    return float(value)
