"""What monitoring compares, and how answers are measured against outcomes that came later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.models.credit_risk.classifier import IMPUTED, REQUIRED, CreditRisk
from nivesh.models.credit_risk.inference import predict
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled

TEXT = ""
NO_ESTIMATE = ""
FINANCES = (*REQUIRED, *IMPUTED, "debt_to_income")


def monitored(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The loan, what is known of the applicant's finances, and the answer's risk and decision."""
    features = request.get("features") or {}
    return {
        "loan_amount": request.get("loan_amount"),
        "loan_tenure_months": request.get("loan_tenure_months"),
        "employment_type": request.get("employment_type") or features.get("employment_type"),
        **{name: features.get(name) for name in FINANCES},
        "emi_to_income": answer["emi_to_income"],
        "obligations_to_income": answer["obligations_to_income"],
        "probability_of_default": answer["probability_of_default"],
        "decision": answer["decision"],
    }


def replay(model: CreditRisk, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """Each application as a request with the applicant's finances."""
    del history
    rows = sampled(test, limit)
    requests = [
        {
            "user_id": row["user_id"],
            "loan_amount": row["loan_amount"],
            "loan_tenure_months": row["loan_tenure_months"],
            "features": {name: row.get(name) for name in (*FINANCES, "employment_type")},
        }
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
    ]
    return Replay(requests, predict(model, requests), [bool(outcome) for outcome in rows["defaulted"]])


def label_names(label: bool) -> list[str]:
    """No names: a label is whether the loan was defaulted on."""
    return []


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """auc: outcome and probability of default."""
    both = [(label, answer["probability_of_default"]) for answer, label in pairs(answers, labels)]
    return {"auc": Sample("auc", np.array(both, float).reshape(-1, 2))}


def scores(answers: Sequence[Any]) -> np.ndarray:
    """The probability of default of each answer, from which the AUC is estimated."""
    return np.array([answer["probability_of_default"] for answer in answers], float)
