"""Financial features of a user, from their transactions; and of a loan, from its terms and the applicant's features.

The same code serves the training frame and the online row: every function here works on columns, and one user or one
application is a column of length one.

What transactions do not contain is estimated by a stated rule or left out. There are no balances in them, so the emergency
fund is what the last twelve months left over. There is no card limit in them, so it is taken as ``CARD_LIMIT_INCOMES``
months of income. Age, gender, region and employment are not in them at all.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nivesh import data
from nivesh.errors import DataError, UserNotFound
from nivesh.features.cash_flow import (
    CARD_BILLS,
    INCOME,
    LOAN_PAYMENTS,
    OTHER_INFLOW,
    SPENDING,
    classify,
    is_card,
    keys,
)
from nivesh.features.feature_views import feature_names

ANNUAL_RATE = 0.12  # interest a year at which the EMI of a loan not yet priced is computed
LIVING_SHARE = 0.6  # of the income: living costs, where only the income is known
CARD_LIMIT_INCOMES = 2.0
MAX_RATIO = 10.0  # of a ratio to the income; avoids division by zero for households without income
GRACE_DAYS = 5

OBLIGATIONS = LOAN_PAYMENTS | CARD_BILLS | {"rent"}

USER_FEATURES = feature_names("finances")

# From steady to uncertain; the numbers are ranks and mean no more than their order.
EMPLOYMENT_RISK = {"salaried": 0, "retired": 1, "self_employed": 2, "gig": 3, "student": 4, "unemployed": 5}


def build_user_financial_features(user_id: str, transactions: pd.DataFrame | None = None) -> dict[str, float | None]:
    """The online features of one user; see ``user_financial_features``.

    Args:
        user_id: the user.
        transactions: rows of ``nivesh.data.tables.TRANSACTIONS``; the shipped sample where not given.

    Returns:
        A number for each of ``USER_FEATURES``; None where it is not defined (the punctuality of a
            user who pays neither EMI nor rent).

    Raises:
        UserNotFound: there is no transaction of this user.
    """
    rows = data.read("transactions") if transactions is None else transactions
    rows = rows[rows["user_id"] == user_id]
    if rows.empty:
        raise UserNotFound(f"no transactions of the user {user_id!r}")
    return online_features(rows)[user_id]


def online_features(transactions: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """``build_user_financial_features`` of every user of a frame, by user id."""
    frame = user_financial_features(transactions).astype(object)
    return frame.where(frame.notna(), None).to_dict(orient="index")


def user_financial_features(transactions: pd.DataFrame, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """Features of every user of a frame, from whole calendar months only.

    - monthly_income: median month of the last 6; refunds, transfers, bonus and interest are not income.
    - income_stability: 1 - (standard deviation / mean) of the last 12 months' incomes, within 0 and 1.
    - existing_emis: rupees of loan payments in the median of the last 3 months; existing_loan_count: their number.
    - debt_to_income: existing_emis / monthly_income, at most ``MAX_RATIO``.
    - on_time_payment_pct: share of EMIs and rents paid at most ``GRACE_DAYS`` after the usual day; a month in which a
      running obligation was not paid counts as late.
    - emergency_fund_months: what the last 12 months left over, invested money included, in months of spending.
    - credit_utilization: card spending of the last 3 months a month, against ``CARD_LIMIT_INCOMES`` incomes.
    - average_monthly_spending, savings_rate (of the income, invested money counts as saved) and spending_volatility
      (standard deviation / mean) of the last 6 months.

    Args:
        transactions: rows of ``nivesh.data.tables.TRANSACTIONS``.
        as_of: leave out what happened at this time or later. Months count back from a user's own last whole one.

    Returns:
        One row per user, indexed by user_id and sorted, with the columns ``USER_FEATURES``.
    """
    rows = transactions if as_of is None else transactions[transactions["timestamp"] < as_of]
    months = _months(rows)
    recent = {span: months[months["age"] < span].groupby("user_id") for span in (3, 6, 12)}
    income, spending = recent[6]["income"].median(), recent[6]["spending"].mean()
    year = recent[12]["income"]
    left = (recent[12]["net"].sum()).clip(lower=0)
    features = pd.DataFrame(
        {
            "monthly_income": income,
            "income_stability": (1 - _variation(year)).clip(0, 1),
            "existing_emis": recent[3]["emi"].median(),
            "existing_loan_count": recent[3]["loans"].median().round(),
            "emergency_fund_months": (left / spending.where(spending > 0)).fillna(0).clip(upper=120),
            "credit_utilization": _ratio(recent[3]["card"].mean(), CARD_LIMIT_INCOMES * income),
            "average_monthly_spending": spending,
            "savings_rate": (1 - _ratio(spending, recent[6]["received"].mean())).clip(-1, 1),
            "spending_volatility": _variation(recent[6]["spending"]),
        }
    )
    features["debt_to_income"] = _ratio(features["existing_emis"], income)
    features["on_time_payment_pct"] = _punctuality(rows)
    return features[list(USER_FEATURES)].round(4)


def loan_features(row: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Features of applications from the applicants' features and the loans' terms.

    Args:
        row: columns (or single values) with monthly_income, existing_emis, emergency_fund_months, loan_amount,
            loan_tenure_months and employment_type; missing numbers are NaN and make what follows from them NaN.

    Returns:
        Columns: ``emi`` (rupees a month at ``ANNUAL_RATE``), ``emi_to_income``, ``obligations_to_income`` (existing
        EMIs and the new one), ``loan_to_annual_income``, ``buffer_months_after_emi`` (how long the emergency fund pays
        for living and the new EMI when the income stops), ``employment_risk`` (rank, NaN where unknown).
    """
    income, owed, fund, amount, tenure = (
        np.atleast_1d(np.asarray(row[name], dtype=float))
        for name in ("monthly_income", "existing_emis", "emergency_fund_months", "loan_amount", "loan_tenure_months")
    )
    emi = monthly_payment(amount, tenure)
    work = np.atleast_1d(np.asarray(row["employment_type"], dtype=object))
    living = LIVING_SHARE * income
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "emi": emi,
            "emi_to_income": np.minimum(emi / income, MAX_RATIO),
            "obligations_to_income": np.minimum((owed + emi) / income, MAX_RATIO),
            "loan_to_annual_income": np.minimum(amount / (12 * income), 10 * MAX_RATIO),
            "buffer_months_after_emi": fund * living / (living + emi),
            "employment_risk": np.array([EMPLOYMENT_RISK.get(name, np.nan) for name in work], dtype=float),
        }


def monthly_payment(amount: np.ndarray, tenure_months: np.ndarray, annual_rate: float = ANNUAL_RATE) -> np.ndarray:
    """The EMI in rupees by the annuity formula ``amount * r / (1 - (1 + r) ** -n)`` with the monthly rate r."""
    rate = annual_rate / 12
    return amount * rate / -np.expm1(-tenure_months * np.log1p(rate))


def affordable_amount(emi: float, tenure_months: int, annual_rate: float = ANNUAL_RATE) -> float:
    """The loan in rupees that this EMI repays in so many months."""
    rate = annual_rate / 12
    return emi * -np.expm1(-tenure_months * np.log1p(rate)) / rate


def _months(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per user and whole month, without gaps, with sums of money; ``age`` 0 is the last whole month."""
    if rows.empty:
        raise DataError("no transactions before that time; give a later one")
    flows = classify(rows)
    flow, amount = flows["flow"], flows["amount"]
    spent = amount * (flow == SPENDING)
    income = amount * (flow == INCOME)
    loan_payment = (flow == SPENDING) & keys(rows["category"]).isin(LOAN_PAYMENTS)
    month = rows["timestamp"].dt.year * 12 + rows["timestamp"].dt.month
    sums = pd.DataFrame(
        {
            "user_id": rows["user_id"],
            "month": month,
            "income": income,
            "received": income + amount * (flow == OTHER_INFLOW),
            "spending": spent,
            "emi": amount * loan_payment,
            "loans": loan_payment.astype(float),
            "card": spent * is_card(rows["account"]),
        }
    )
    sums["net"] = sums["received"] - sums["spending"]
    first, last = _whole(rows, month)
    span = pd.DataFrame({"first": first, "last": last})
    months = span.loc[span.index.repeat(span["last"] - span["first"] + 1)]
    months = months.assign(
        month=months["first"] + months.groupby(level=0).cumcount(), age=lambda f: f["last"] - f["month"]
    )
    sums = sums.groupby(["user_id", "month"]).sum()
    return months.drop(columns=["first", "last"]).reset_index().join(sums, on=["user_id", "month"]).fillna(0.0)


def _whole(rows: pd.DataFrame, month: pd.Series) -> tuple[pd.Series, pd.Series]:
    """First and last month of each user, without those cut off by the ends of the data where others remain."""
    users = rows.groupby("user_id")["timestamp"]
    start, end = users.min(), users.max()
    by_user = month.groupby(rows["user_id"])
    first, last = by_user.min(), by_user.max()
    cut_end = (last > first) & (end.dt.day < end.dt.days_in_month - 2)
    last = last - cut_end
    first = first + ((last > first) & (start.dt.day > 4))
    return first, last


def _punctuality(rows: pd.DataFrame) -> pd.Series:
    """Per user, the percentage of monthly obligations that were paid on their usual day or within the grace."""
    category = keys(rows["category"])
    due = rows[(rows["direction"] == "debit") & category.isin(OBLIGATIONS)]
    day = due["timestamp"].dt.day
    due = due.assign(category=category, merchant=keys(due["merchant"]))  # "EMI" and "emi" are one obligation
    due = due.assign(day=day, month=due["timestamp"].dt.year * 12 + due["timestamp"].dt.month)
    obligation = ["user_id", "category", "merchant"]
    due = due.sort_values("timestamp", kind="stable").drop_duplicates([*obligation, "month"])
    series = due.groupby(obligation)
    usual = series["day"].transform("median")
    paid = due.assign(in_time=due["day"] <= usual + GRACE_DAYS).groupby(obligation)
    facts = pd.DataFrame(
        {"in_time": paid["in_time"].sum(), "expected": series["month"].max() - series["month"].min() + 1}
    )
    users = facts[facts["expected"] >= 3].groupby("user_id").sum()  # shorter ones have no usual day yet
    return 100 * users["in_time"] / users["expected"]


def _variation(groups) -> pd.Series:
    """Standard deviation over mean; 0 for a single month, 1 where there is nothing to divide by."""
    mean = groups.mean()
    return (groups.std(ddof=0) / mean.where(mean > 0)).fillna(1.0)


def _ratio(above: pd.Series, below: pd.Series) -> pd.Series:
    return (above / below.where(below > 0)).clip(upper=MAX_RATIO).fillna((above > 0) * MAX_RATIO)
