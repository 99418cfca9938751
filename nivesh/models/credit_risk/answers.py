"""From a probability to what a person can use: a category, the reasons in words, a loan that would fit."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError, UserNotFound
from nivesh.features.finances import EMPLOYMENT_RISK, affordable_amount, loan_features
from nivesh.models.credit_risk.scoring import (
    FEATURES,
    NEEDED,
    TYPICAL,
    CreditRisk,
    contributions,
    fill,
    frame_matrix,
    matrix,
    probability,
)
from nivesh.models.credit_risk.terms import HIGH, MEDIUM

BEARABLE = 0.50  # of the income, for all EMIs together: where most Indian lenders stop
REASONS, FAINT = 5, 0.05
DECISIONS = {"low": "approve", "medium": "review", "high": "decline"}
BURDEN = list(FEATURES).index("obligations_to_income")

# How a feature is called with its figure; what is high or low is told against the median of the training applicants.
PER_CENT, RUPEES = "per cent", "rupees"
WORDS = {
    "debt_to_income": ("debt-to-income of {}", PER_CENT),
    "emi_to_income": ("the new EMI at {} of the income", PER_CENT),
    "obligations_to_income": ("the total of EMIs with the new one at {} of the income", PER_CENT),
    "loan_to_annual_income": ("a loan of {} yearly incomes", "{:.1f}"),
    "existing_loan_count": ("the number of existing loans, {},", "{:.0f}"),
    "credit_utilization": ("credit utilisation of {}", PER_CENT),
    "employment_risk": ("{} employment", ""),
    "monthly_income": ("a monthly income of {}", RUPEES),
    "income_stability": ("income stability of {}", PER_CENT),
    "on_time_payment_pct": ("the share of payments on time of {}", "{:.0f} %"),
    "emergency_fund_months": ("an emergency fund of {}", "{:.1f} months"),
    "buffer_months_after_emi": ("a buffer of {} for living costs and the new EMI", "{:.1f} months"),
}
EMPLOYMENT = {rank: name.replace("_", "-") for name, rank in EMPLOYMENT_RISK.items()}

HIGHEST = {"income_stability": 1.0, "on_time_payment_pct": 100.0}


def predict(model: CreditRisk, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One answer per request.

    Args:
        model: the fitted model.
        requests: ``Request.model_dump()`` each, with "features": the user's stored features (``USER_FEATURES``;
            others are ignored). A feature that is None or absent is taken as the typical applicant's and named in
            "assumed"; employment_type may be in the request or among the features.

    Raises:
        UserNotFound: a request has no features.
        DataError: monthly_income or existing_emis is missing, or a feature is no number in its range.
    """
    if not requests:
        return []
    rows = [_row(request) for request in requests]
    columns, assumed = fill({name: [row[name] for row in rows] for name in rows[0]}, model.typical)
    inputs = matrix(columns)
    chances, parts = probability(model, inputs), contributions(model, inputs)
    emis = loan_features(columns)["emi"]
    return [
        _answer(request, row, float(chance), float(emi), values, reasons(values, part, model.medians), missing)
        for request, row, chance, emi, values, part, missing in zip(
            requests, rows, chances, emis, inputs, parts, assumed, strict=True
        )
    ]


def predict_frame(model: CreditRisk, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Applications with probability_of_default, risk_score, risk_category, decision and reasons added.

    ``history`` is not needed: an application is judged by itself.
    """
    del history
    inputs = frame_matrix(model, frame)
    chances, parts = probability(model, inputs), contributions(model, inputs)
    categories = [category(chance) for chance in chances]
    return frame.assign(
        probability_of_default=chances.round(4),
        risk_score=(100 * chances).round(2),
        risk_category=categories,
        decision=[decision(*pair) for pair in zip(categories, inputs[:, BURDEN], strict=True)],
        reasons=[
            "; ".join(r["text"] for r in reasons(v, p, model.medians)) for v, p in zip(inputs, parts, strict=True)
        ],
    )


def category(chance: float) -> str:
    """low, medium or high."""
    return "low" if chance < MEDIUM else "medium" if chance < HIGH else "high"


def decision(level: str, obligations: float) -> str:
    """approve, review or decline; a low risk with EMIs beyond what is bearable is for a person to see."""
    if level == "low" and obligations > BEARABLE:
        return "review"
    return DECISIONS[level]


def reasons(values: np.ndarray, parts: np.ndarray, medians: Mapping[str, float]) -> list[dict[str, Any]]:
    """What moved one score most, the strongest first.

    Args:
        values: one row of ``matrix``.
        parts: the same row of ``contributions``.
        medians: the model's.
    """
    names = list(FEATURES)
    strongest = sorted(range(len(names)), key=lambda i: -abs(parts[i]))[:REASONS]
    told = [i for i in strongest if abs(parts[i]) >= FAINT]
    return [_reason(names[i], float(values[i]), float(parts[i]), medians[names[i]]) for i in told]


def rupees(amount: float) -> str:
    """1234567 -> ₹12,34,567, as amounts are written in India."""
    digits = f"{amount:.0f}"
    head, tail = digits[:-3], digits[-3:]
    pairs = []
    while head:
        head, pair = head[:-2], head[-2:]
        pairs.insert(0, pair)
    return "₹" + ",".join([*pairs, tail])


def _reason(name: str, value: float, part: float, median: float) -> dict[str, Any]:
    effect = "raises" if part > 0 else "lowers"
    lead, form = WORDS[name]
    if name == "employment_risk":
        shown: float | str = EMPLOYMENT[int(value)]
        text = f"{lead.format(shown)} {effect} the risk"
    else:
        shown, figure, usual = round(value, 4), _figure(form, value), _figure(form, median)
        place = "typical" if figure == usual else f"{'high' if value > median else 'low'} (typical: {usual})"
        text = f"{lead.format(figure)} is {place} and {effect} the risk"
    return {"feature": name, "value": shown, "effect": effect, "contribution": round(part, 4), "text": text}


def _figure(form: str, value: float) -> str:
    if form == RUPEES:
        return rupees(value)
    return f"{100 * value:.0f} %" if form == PER_CENT else form.format(value)


def _row(request: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an application, from a request and the user's features."""
    user_id, features = request["user_id"], request.get("features")
    if not features or all(_absent(value) for value in features.values()):
        raise UserNotFound(f"no financial features of the user {user_id!r}; build and store them first")
    row = {name: _checked(name, features.get(name), user_id) for name in (*NEEDED, *TYPICAL, "debt_to_income")}
    for name in NEEDED:
        if math.isnan(row[name]):
            raise DataError(f"the features of {user_id!r} lack {name}; without it no loan can be judged")
    work = request.get("employment_type") or features.get("employment_type")
    if work is not None and work not in EMPLOYMENT_RISK:
        work = None
    return row | {
        "employment_type": work,
        "loan_amount": request["loan_amount"],
        "loan_tenure_months": request["loan_tenure_months"],
    }


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _checked(name: str, value: Any, user_id: str) -> float:
    if _absent(value):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise DataError(f"the feature {name} of {user_id!r} is {value!r}, not a number; store it again")
    if not 0 <= value <= HIGHEST.get(name, 1e12):
        raise DataError(f"the feature {name} of {user_id!r} is {value!r}, out of its range; store it again")
    return float(value)


def _answer(
    request, row, chance: float, emi: float, values: np.ndarray, why: list[dict], assumed: list[str]
) -> dict[str, Any]:
    income, owed = row["monthly_income"], row["existing_emis"]
    room = max(BEARABLE * income - owed, 0.0)
    fits = math.floor(affordable_amount(room, request["loan_tenure_months"]) / 1000) * 1000.0
    level = category(chance)
    return {
        "user_id": request["user_id"],
        "risk_score": round(100 * chance, 2),
        "probability_of_default": round(chance, 4),
        "risk_category": level,
        "decision": decision(level, values[BURDEN]),
        "emi": round(emi, 2),
        "emi_to_income": round(emi / income, 4) if income else None,
        "obligations_to_income": round((owed + emi) / income, 4) if income else None,
        "affordable_loan_amount": fits,
        "reasons": why,
        "recommendation": _advice(level, request, emi, fits, why),
        "assumed": assumed,
    }


def _advice(level: str, request: Mapping[str, Any], emi: float, fits: float, why: list[dict]) -> str:
    asked, months = request["loan_amount"], request["loan_tenure_months"]
    terms = f"{rupees(asked)} over {months} months costs {rupees(emi)} a month at 12 % a year"
    if fits >= asked:
        size = "all EMIs together stay within 50 % of the income"
    elif fits > 0:
        size = f"up to {rupees(fits)} over the same time would keep all EMIs within 50 % of the income"
    else:
        size = "the EMIs already paid leave no room for another within 50 % of the income"
    verdict = {
        "low": "The risk is low." if fits >= asked else "The risk is low, but the loan is large for the income.",
        "medium": "A person should look at this application.",
        "high": "This loan is not advisable now.",
    }[level]
    against = [reason["text"] for reason in why if reason["effect"] == "raises"][:2]
    first = f" What weighs most against it: {'; '.join(against)}." if against and level != "low" else ""
    return f"{verdict} {terms}; {size}.{first}"
