import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError, UserNotFound
from nivesh.features.finances import (
    USER_FEATURES,
    affordable_amount,
    build_user_financial_features,
    loan_features,
    monthly_payment,
    user_financial_features,
)


def ledger(rows, user_id="अनिल") -> pd.DataFrame:
    columns = ["timestamp", "amount", "direction", "category", "merchant", "account"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    return frame.assign(user_id=user_id, city="Pune", amount=frame["amount"].astype(float))


def household(months=6, income=50_000, user_id="अनिल") -> pd.DataFrame:
    """Salary on the 1st, an EMI of 10,000 on the 5th, 20,000 spent (5,000 of it by card), 5,000 into a SIP."""
    rows = []
    for month in range(1, months + 1):
        day = f"2025-{month:02d}-"
        rows += [
            (day + "01 10:00", income, "credit", "salary", "TCS", "savings"),
            (day + "05 06:00", 10_000, "debit", "emi", "HDFC Bank", "savings"),
            (day + "10 12:00", 5_000, "debit", "shopping", "Amazon", "credit_card"),
            (day + "15 12:00", 15_000, "debit", "groceries", "DMart", "savings"),
            (day + "28 12:00", 5_000, "debit", "sip", "Groww", "savings"),
        ]
    return ledger(rows, user_id)


def test_features_of_a_regular_household_by_hand():
    features = build_user_financial_features("अनिल", household())
    assert features == {
        "monthly_income": 50_000,
        "income_stability": 1,
        "existing_emis": 10_000,
        "debt_to_income": 0.2,
        "existing_loan_count": 1,
        "on_time_payment_pct": 100,
        "emergency_fund_months": 4,  # 6 months x 20,000 left over, spending 30,000
        "credit_utilization": 0.05,
        "average_monthly_spending": 30_000,
        "savings_rate": 0.4,
        "spending_volatility": 0,
    }


def test_one_user_and_many_have_the_same_features():
    both = pd.concat([household(), household(4, 80_000, "U2")], ignore_index=True)
    table = user_financial_features(both)
    assert list(table.index) == ["U2", "अनिल"]
    for user in table.index:
        assert build_user_financial_features(user, both) == table.loc[user].to_dict()


def test_money_that_is_no_income_does_not_count():
    extra = ledger(
        [
            ("2025-03-02 10:00", 90_000, "credit", "refund", "Amazon", "savings"),
            ("2025-04-02 10:00", 200_000, "credit", "bonus", "TCS", "savings"),
            ("2025-05-02 10:00", 40_000, "credit", "Transfers", "Ravi", "savings"),
        ]
    )
    features = build_user_financial_features("अनिल", pd.concat([household(), extra], ignore_index=True))
    assert features["monthly_income"] == 50_000
    assert features["income_stability"] == 1


def test_late_and_missed_payments_lower_punctuality():
    frame = household(10)
    emis = frame.index[frame["category"] == "emi"]
    frame.loc[emis[3], "timestamp"] += pd.Timedelta(days=9)
    frame = frame.drop(emis[6])
    assert build_user_financial_features("अनिल", frame)["on_time_payment_pct"] == 80


def test_two_loans_at_one_lender_are_two():
    second = household()
    second = second[second["category"] == "emi"].assign(amount=4_000.0)
    features = build_user_financial_features("अनिल", pd.concat([household(), second], ignore_index=True))
    assert (features["existing_loan_count"], features["existing_emis"]) == (2, 14_000)


def test_a_month_cut_off_by_the_end_is_left_out():
    begun = ledger([("2025-07-02 10:00", 100, "debit", "snacks", "Chai Point", "savings")])
    features = build_user_financial_features("अनिल", pd.concat([household(), begun], ignore_index=True))
    assert features == build_user_financial_features("अनिल", household())


def test_only_the_past_counts():
    frame = household(9)
    past = user_financial_features(frame, as_of=pd.Timestamp("2025-06-30"))
    pd.testing.assert_frame_equal(past, user_financial_features(household(6)))
    with pytest.raises(DataError, match="before that time"):
        user_financial_features(frame, as_of=pd.Timestamp("2020-01-01"))


def test_nothing_due_is_neither_late_nor_on_time_and_no_income_is_far_beyond_means():
    spender = ledger([("2025-01-05 10:00", 500, "debit", "groceries", "DMart", "savings")])
    features = build_user_financial_features("अनिल", spender)
    assert features["on_time_payment_pct"] is None
    assert features["monthly_income"] == 0
    assert features["income_stability"] == 0
    assert features["debt_to_income"] == 0
    assert set(features) == set(USER_FEATURES)
    borrower = ledger([("2025-01-05 10:00", 500, "debit", "emi", "SBI", "savings")])
    assert build_user_financial_features("अनिल", borrower)["debt_to_income"] == 10


@pytest.mark.parametrize("user", ["", "nobody", "🙂"])
def test_unknown_user(user):
    with pytest.raises(UserNotFound, match="no transactions of the user"):
        build_user_financial_features(user, household())


def test_emi_by_the_annuity_formula_and_back():
    # The textbook's example: 10 lakh over 10 years at 12 % a year.
    assert monthly_payment(np.array([1_000_000.0]), np.array([120]))[0] == pytest.approx(14_347.09, abs=0.01)
    assert monthly_payment(np.array([12_000.0]), np.array([1]))[0] == pytest.approx(12_120)
    assert affordable_amount(14_347.09, 120) == pytest.approx(1_000_000, abs=1)


APPLICATION = {
    "monthly_income": 50_000,
    "existing_emis": 10_000,
    "emergency_fund_months": 6,
    "loan_amount": 600_000,
    "loan_tenure_months": 12,
    "employment_type": "gig",
}


def test_loan_features_by_hand():
    features = {name: values[0] for name, values in loan_features(APPLICATION).items()}
    emi = 600_000 * 0.01 / (1 - 1.01**-12)
    assert features["emi"] == pytest.approx(emi)
    assert features["emi_to_income"] == pytest.approx(emi / 50_000)
    assert features["obligations_to_income"] == pytest.approx((10_000 + emi) / 50_000)
    assert features["loan_to_annual_income"] == 1
    assert features["buffer_months_after_emi"] == pytest.approx(6 * 30_000 / (30_000 + emi))
    assert features["employment_risk"] == 3


def test_loan_features_of_columns_are_those_of_the_rows():
    rows = [APPLICATION, APPLICATION | {"monthly_income": 0, "employment_type": None}]
    columns = loan_features(pd.DataFrame(rows))
    for i, row in enumerate(rows):
        for name, values in loan_features(row).items():
            np.testing.assert_equal(columns[name][i], values[0])
    assert columns["emi_to_income"][1] == 10
    assert np.isnan(columns["employment_risk"][1])


def test_an_obligation_in_two_spellings_is_one():
    plain = household()
    emi = plain["category"] == "emi"
    odd = emi & (plain["timestamp"].dt.month % 2 == 0)
    mixed = plain.assign(
        category=plain["category"].where(~odd, "EMI"), merchant=plain["merchant"].where(~odd, "HDFC  BANK")
    )
    pd.testing.assert_frame_equal(user_financial_features(mixed), user_financial_features(plain))
