"""From a probability to what a person can use: a category, the reasons in words, a loan that would be affordable."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nivesh.features.finances import affordable_amount
from nivesh.models.credit_risk.classifier import FEATURES
from nivesh.models.credit_risk.schema import HIGH, MEDIUM

# Of the income, for all EMIs together: the fixed-obligations-to-income ratio (FOIR) beyond which Indian lenders rarely go.
MAX_OBLIGATIONS_TO_INCOME = 0.50
MAX_REASONS = 5
MIN_CONTRIBUTION = 0.05  # log-odds; a smaller contribution moves a probability by about one hundredth at most
DECISIONS = {"low": "approve", "medium": "review", "high": "decline"}
OBLIGATIONS_COLUMN = list(FEATURES).index("obligations_to_income")

# Feature -> sentence and format of its value; high and low are relative to the median of the training applicants.
PER_CENT, RUPEES = "per cent", "rupees"
SENTENCES = {
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


def category(probability: float) -> str:
    """low, medium or high."""
    return "low" if probability < MEDIUM else "medium" if probability < HIGH else "high"


def decision(level: str, obligations: float) -> str:
    """approve, review or decline.

    Args:
        level: as ``category`` gives it.
        obligations: all EMIs over the monthly income; a low risk beyond ``MAX_OBLIGATIONS_TO_INCOME`` needs a review.
    """
    if level == "low" and obligations > MAX_OBLIGATIONS_TO_INCOME:
        return "review"
    return DECISIONS[level]


def reasons(
    values: np.ndarray, contributions: np.ndarray, medians: Mapping[str, float], employment: str
) -> list[dict[str, Any]]:
    """The features that moved one score most, the strongest first (``schema.Reason`` as dicts).

    Args:
        values: one row of ``classifier.feature_matrix``.
        contributions: the same row of ``classifier.contributions``, in log-odds.
        medians: the model's, by feature.
        employment: the employment type; "" where the model does not know it.
    """
    names = list(FEATURES)
    strongest = sorted(range(len(names)), key=lambda i: -abs(contributions[i]))[:MAX_REASONS]
    return [
        _reason(names[i], float(values[i]), float(contributions[i]), medians[names[i]], employment)
        for i in strongest
        if abs(contributions[i]) >= MIN_CONTRIBUTION
    ]


def answer(
    application: Mapping[str, Any],
    probability: float,
    emi: float,
    values: np.ndarray,
    why: list[dict[str, Any]],
    assumed: list[str],
) -> dict[str, Any]:
    """``schema.Answer`` as a dict.

    Args:
        application: user_id, loan_amount, loan_tenure_months, monthly_income and existing_emis.
        probability: of default, calibrated.
        emi: rupees a month of the new loan.
        values: the application's row of ``classifier.feature_matrix``.
        why: as ``reasons`` gives them.
        assumed: features that were imputed.
    """
    income, existing = application["monthly_income"], application["existing_emis"]
    emi_headroom = max(MAX_OBLIGATIONS_TO_INCOME * income - existing, 0.0)
    affordable = math.floor(affordable_amount(emi_headroom, application["loan_tenure_months"]) / 1000) * 1000.0
    level = category(probability)
    return {
        "user_id": application["user_id"],
        "risk_score": round(100 * probability, 2),
        "probability_of_default": round(probability, 4),
        "risk_category": level,
        "decision": decision(level, values[OBLIGATIONS_COLUMN]),
        "emi": round(emi, 2),
        "emi_to_income": round(emi / income, 4) if income else None,
        "obligations_to_income": round((existing + emi) / income, 4) if income else None,
        "affordable_loan_amount": affordable,
        "reasons": why,
        "recommendation": _recommendation(level, application, emi, affordable, why),
        "assumed": assumed,
    }


def rupees(amount: float) -> str:
    """1234567 -> ₹12,34,567, as amounts are written in India."""
    digits = f"{amount:.0f}"
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        head, pair = head[:-2], head[-2:]
        pairs.insert(0, pair)
    return "₹" + ",".join([*pairs, tail])


def _reason(name: str, value: float, contribution: float, median: float, employment: str) -> dict[str, Any]:
    effect = "raises" if contribution > 0 else "lowers"
    sentence, form = SENTENCES[name]
    if name == "employment_risk":
        shown: float | str = employment.replace("_", "-") or "unknown"
        text = f"{sentence.format(shown)} {effect} the risk"
    else:
        shown, figure, usual = round(value, 4), _figure(form, value), _figure(form, median)
        place = "typical" if figure == usual else f"{'high' if value > median else 'low'} (typical: {usual})"
        text = f"{sentence.format(figure)} is {place} and {effect} the risk"
    return {"feature": name, "value": shown, "effect": effect, "contribution": round(contribution, 4), "text": text}


def _figure(form: str, value: float) -> str:
    if form == RUPEES:
        return rupees(value)
    return f"{100 * value:.0f} %" if form == PER_CENT else form.format(value)


def _recommendation(
    level: str, application: Mapping[str, Any], emi: float, affordable: float, why: list[dict[str, Any]]
) -> str:
    amount, months = application["loan_amount"], application["loan_tenure_months"]
    terms = f"{rupees(amount)} over {months} months costs {rupees(emi)} a month at 12 % a year"
    if affordable >= amount:
        size = "all EMIs together stay within 50 % of the income"
    elif affordable > 0:
        size = f"up to {rupees(affordable)} over the same time would keep all EMIs within 50 % of the income"
    else:
        size = "the EMIs already paid leave no room for another within 50 % of the income"
    verdict = {
        "low": "The risk is low." if affordable >= amount else "The risk is low, but the loan is large for the income.",
        "medium": "A person should review this application.",
        "high": "This loan is not advisable now.",
    }[level]
    against = [reason["text"] for reason in why if reason["effect"] == "raises"][:2]
    main = f" Main reasons against it: {'; '.join(against)}." if against and level != "low" else ""
    return f"{verdict} {terms}; {size}.{main}"
