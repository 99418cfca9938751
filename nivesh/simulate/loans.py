"""Loan applications of simulated Indian borrowers and what became of them, in the format of ``nivesh.data.tables.LOANS``.

The columns are correlated as in life: one hidden trait, how carefully a person handles money, shapes punctuality,
savings, card use and debts. Default follows from what a household can bear, how it behaved before and what it has put
by, and from a shock to income or health that no column shows; the shock is sized so that not even the true
probabilities rank borrowers better than at an AUC of about 0.90. Gender has no effect of its own on default, region
and age have a small one.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from nivesh.data.tables import EMPLOYMENT_TYPES, LOANS
from nivesh.errors import SettingsError

MAX_APPLICATIONS = 1_000_000
DEFAULT_RATE = 0.14
RETURNING = 0.12  # share of applications by a returning applicant

# Share of applicants, median rupees a month, spread of its logarithm, how steady the income looks (0-1), and the effect
# on the logit of default of what stability does not show.
WORK = {
    "salaried": (0.54, 48_000, 0.60, 0.90, 0.0),
    "self_employed": (0.22, 44_000, 0.75, 0.66, 0.1),
    "gig": (0.11, 24_000, 0.42, 0.55, 0.25),
    "unemployed": (0.03, 9_000, 0.60, 0.25, 1.0),
    "retired": (0.06, 32_000, 0.55, 0.93, 0.0),
    "student": (0.04, 9_500, 0.50, 0.40, 0.25),
}
# Share, factor on incomes, and effect on the logit of default: floods, droughts and strikes differ by region.
REGIONS = {
    "north": (0.25, 1.05, 0.0),
    "south": (0.27, 1.08, -0.08),
    "west": (0.22, 1.15, -0.05),
    "east": (0.14, 0.85, 0.08),
    "central": (0.08, 0.82, 0.10),
    "north_east": (0.04, 0.85, 0.12),
}
# Share, median amount in months of income, spread, shortest and longest tenure in months, and the lender's rate a year.
PRODUCTS = {
    "personal": (0.48, 4.5, 0.75, 12, 60, 0.145),
    "two_wheeler": (0.14, 2.6, 0.40, 12, 48, 0.12),
    "car": (0.15, 9.0, 0.45, 36, 84, 0.098),
    "education": (0.07, 14.0, 0.60, 60, 120, 0.11),
    "home": (0.16, 42.0, 0.40, 120, 300, 0.088),
}
SHOCK = 1.35  # standard deviation of what nobody sees, in units of the logit


def loans(
    applications: int = 6000, seed: int = 0, progress: Callable[[float, str], None] | None = None
) -> pd.DataFrame:
    """Simulate loan applications with their outcome.

    ``debt_to_income`` is ``existing_emis / monthly_income``: what the applicant owes each month before this loan. The
    EMI of the loan applied for is not in it, since it follows from ``loan_amount`` and ``loan_tenure_months``.

    Args:
        applications: number of rows; about one in eight is by a user who applied before.
        seed: of the random numbers.
        progress: called with the finished fraction and a message.

    Returns:
        The columns of ``LOANS`` but for applied_at; amounts in rupees (a month), ``defaulted`` 1 where the loan was not repaid.

    Raises:
        SettingsError: the number of applications is out of range.
    """
    if not 1 <= applications <= MAX_APPLICATIONS:
        raise SettingsError(f"applications={applications}: give a number from 1 to {MAX_APPLICATIONS:,}")
    rng = np.random.default_rng([seed, 7])
    report = progress or (lambda fraction, text: None)
    people = _people(applications, rng)
    report(0.4, f"drew {len(people)} applicants")
    frame = pd.concat([people, _reapplications(people, applications - len(people), rng)], ignore_index=True)
    frame["loan_amount"], frame["loan_tenure_months"], emi = _requested_loans(frame, rng)
    frame["debt_to_income"] = (frame["existing_emis"] / frame["monthly_income"]).round(4)
    report(0.7, "drew the requested loans")
    frame["defaulted"] = _defaults(frame, emi, rng)
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    frame["application_id"] = [f"A{number:06d}" for number in range(1, len(frame) + 1)]
    report(1.0, f"simulated {len(frame)} applications")
    return frame[[name for name, column in LOANS.columns.items() if column.required]]


def _people(applications: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row per applicant: who they are, what they earn and owe, how they have behaved."""
    n = max(1, round(applications * (1 - RETURNING)))
    work = rng.choice(EMPLOYMENT_TYPES, n, p=[WORK[name][0] for name in EMPLOYMENT_TYPES])
    age = np.select(
        [work == "retired", work == "student"],
        [rng.normal(65, 4, n), rng.normal(22.5, 2, n)],
        rng.gamma(5.5, 3, n) + 21,
    )
    age = np.clip(age, np.where(work == "retired", 55, 19), 75).astype(int)
    gender = rng.choice(["female", "male", "other"], n, p=[0.37, 0.615, 0.015])
    region = rng.choice(list(REGIONS), n, p=[share for share, _, _ in REGIONS.values()])
    care = rng.normal(0, 1, n)  # the hidden trait: how carefully this person handles money

    median, spread, steady = (np.array([WORK[name][column] for name in work]) for column in (1, 2, 3))
    place = np.array([REGIONS[name][1] for name in region])
    career = np.where(work == "retired", 1.0, 0.72 + 0.5 * np.clip((age - 21) / 25, 0, 1))
    pay_gap = np.where(gender == "female", 0.9, 1.0)  # seen in wages; it says nothing about repaying
    income = median * place * career * pay_gap * rng.lognormal(0.06 * care, spread)
    income = np.clip(income, 4_000, 1_500_000).round(-2)
    stability = 1 / (1 + np.exp(-(np.log(steady / (1 - steady)) + 0.3 * care + rng.normal(0, 0.7, n))))

    wealth = np.log(income / 40_000)
    count = rng.poisson(np.exp(-0.25 + 0.25 * wealth - 0.25 * care + 0.3 * (age > 28)) * (work != "student"))
    count = np.minimum(count, 9)
    share = rng.gamma(2.2, 0.075, n) * np.exp(-0.18 * care)  # of the income, for each loan
    owed = np.where(count > 0, income * np.minimum(share * count**0.7, 1.1), 0)
    tight = owed / income
    lapses = np.exp(-3.1 - 0.8 * care + 1.1 * tight - 0.5 * (stability - 0.7) + rng.normal(0, 0.7, n))
    months = np.log1p(np.exp(1.6 + 0.9 * care + 0.35 * wealth - 1.2 * tight + rng.normal(0, 0.9, n)))
    used = 1 / (1 + np.exp(-(-0.75 - 0.75 * care + 1.0 * tight - 0.2 * wealth + rng.normal(0, 0.8, n))))
    used = np.where(rng.random(n) < 0.25, 0.0, used)  # no card
    return pd.DataFrame(
        {
            "user_id": [f"L{number:06d}" for number in range(1, n + 1)],
            "age": age,
            "gender": gender,
            "region": region,
            "employment_type": work,
            "monthly_income": income,
            "income_stability": stability.round(3),
            "existing_emis": owed.round(),
            "existing_loan_count": count,
            "on_time_payment_pct": (100 * (1 - np.minimum(lapses, 0.8))).round(1),
            "emergency_fund_months": np.minimum(months * rng.lognormal(0, 0.5, n), 36).round(1),
            "credit_utilization": used.round(3),
        }
    )


def _reapplications(people: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Second applications: the same people a year or two on, a little changed."""
    returning = people.iloc[rng.permutation(len(people))[:n]].reset_index(drop=True)
    n = len(returning)
    returning["age"] += rng.integers(0, 3, n)
    raised = returning["monthly_income"] * rng.lognormal(0.06, 0.1, n)
    returning["monthly_income"] = raised.clip(lower=4_000).round(-2)
    returning["existing_emis"] = (returning["existing_emis"] * rng.choice([1.0, 1.0, 0.6], n)).round()
    returning["emergency_fund_months"] = (
        (returning["emergency_fund_months"] * rng.lognormal(0, 0.3, n)).clip(upper=36).round(1)
    )
    returning["on_time_payment_pct"] = (returning["on_time_payment_pct"] + rng.normal(0, 1.5, n)).clip(15, 100).round(1)
    return returning


def _requested_loans(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amount (rupees), tenure (months) and the EMI that the lender would set, of each application."""
    n, income = len(frame), frame["monthly_income"].to_numpy()
    product = rng.choice(list(PRODUCTS), n, p=[facts[0] for facts in PRODUCTS.values()])
    months, spread, short, long_, rate = (np.array([PRODUCTS[p][column] for p in product]) for column in range(1, 6))
    amount = np.clip(income * months * rng.lognormal(0, spread), 10_000, 50_000_000)
    tenure = (rng.integers(short // 6, long_ // 6 + 1) * 6).astype(int)
    monthly = np.clip(rate + rng.normal(0, 0.012, n), 0.07, 0.24) / 12
    emi = amount * monthly / (1 - (1 + monthly) ** -tenure)
    # Much of what nobody could repay is reduced in talks with the lender before it becomes an application.
    affordable = rng.uniform(0.45, 0.95, n) * income
    scale = np.where(rng.random(n) < 0.7, np.minimum(1, affordable / emi), 1)
    amount = np.maximum((amount * scale).round(-3), 5_000)
    return amount, tenure, amount * monthly / (1 - (1 + monthly) ** -tenure)


def _logit(frame: pd.DataFrame, emi: np.ndarray) -> np.ndarray:
    """What the columns say about default, up to a constant: affordability, behaviour, buffers."""
    income = frame["monthly_income"].to_numpy()
    obligations = (frame["existing_emis"].to_numpy() + emi) / income
    living = np.minimum(7_000 + 0.32 * income, 0.85 * income)  # food, rent and transport weigh more on small incomes
    left = 1 - obligations - living / income
    used = frame["credit_utilization"].to_numpy()
    age = frame["age"].to_numpy()
    return (
        4.4 * np.log1p(np.exp(6 * (np.minimum(obligations, 1.8) - 0.45))) / 6
        + 0.9 * np.clip(-left, -0.5, 1.0)
        + 0.1 * np.minimum(frame["loan_amount"].to_numpy() / (12 * income), 6)  # a long exposure: more can happen
        + 1.2 * np.minimum(frame["debt_to_income"].to_numpy(), 1)
        + 0.085 * np.minimum(100 - frame["on_time_payment_pct"].to_numpy(), 35)
        - 1.05 * np.log1p(frame["emergency_fund_months"].to_numpy())
        + 1.6 * used
        + 2.2 * np.maximum(used - 0.6, 0)
        - 2.4 * frame["income_stability"].to_numpy()
        + 0.22 * np.maximum(frame["existing_loan_count"].to_numpy() - 1, 0)
        - 0.25 * np.log(income / 40_000)
        + np.array([WORK[name][4] for name in frame["employment_type"]])
        + 0.12 * ((age < 25) | (age > 62))
        + np.array([REGIONS[name][2] for name in frame["region"]])
    )


def _defaults(frame: pd.DataFrame, emi: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1 for those whose visible risk and unseen luck together pass the line that gives ``DEFAULT_RATE``."""
    strength = _logit(frame, emi)
    luck = SHOCK * rng.standard_normal(len(frame)) + rng.logistic(0, 1, len(frame))
    threshold = _threshold(strength)
    return (strength + luck > threshold).astype(int)


def _threshold(strength: np.ndarray) -> float:
    """The threshold at which the expected share of defaults is ``DEFAULT_RATE``, by bisection."""
    # A logistic plus a normal is close to a logistic that is wider by the ratio of their standard deviations.
    width = np.sqrt(1 + SHOCK**2 / (np.pi**2 / 3))
    low, high = strength.min() - 20, strength.max() + 20
    for _ in range(60):
        middle = (low + high) / 2
        expected = np.mean(1 / (1 + np.exp((middle - strength) / width)))
        low, high = (middle, high) if expected > DEFAULT_RATE else (low, middle)
    return (low + high) / 2
