import pandas as pd
import pytest

from nivesh.features.cash_flow import classify, is_card, key
from nivesh.features.finances import build_user_financial_features
from nivesh.features.spending_history import histories

COLUMNS = ["timestamp", "amount", "direction", "category", "merchant", "account"]


def rows(*lines: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=COLUMNS).assign(user_id="U", city="Pune")
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"]), amount=frame["amount"].astype(float))


def months(*lines: tuple, count: int = 6) -> pd.DataFrame:
    """The same lines ("05", amount, ...) in each of so many whole months, from January 2025."""
    repeated = [(f"2025-{month:02d}-{day}", *rest) for month in range(1, count + 1) for day, *rest in lines]
    return rows(*repeated, (f"2025-{count:02d}-28", 1, "debit", "snacks", "Chai", "savings"))


SALARY = ("01", 60_000, "credit", "salary", "Employer", "savings")
FOOD = ("10", 9_000, "debit", "groceries", "DMart", "savings")


def budget(frame: pd.DataFrame) -> tuple[float | None, ...]:
    """(income, spending) of a month, by the financial features and by the spending history."""
    features, history = build_user_financial_features("U", frame), histories(frame)["U"]
    spent = sum(map(sum, history["by_category"].values())) / len(history["income"])
    return (
        features["monthly_income"],
        features["average_monthly_spending"],
        sum(history["income"]) / len(history["income"]),
        spent,
    )


def assert_budget(frame: pd.DataFrame, income: float, spending: float):
    assert budget(frame) == pytest.approx((income, spending, income, spending), abs=1)


def test_a_refund_with_the_purchases_merchant_and_category_lowers_spending():
    buy = ("05", 50_000, "debit", "electronics", "Croma", "savings")
    back = ("08", 50_000, "credit", "electronics", "CROMA ", "savings")
    assert_budget(months(SALARY, FOOD, buy, back), 60_000, 9_000)


def test_a_part_is_refunded_and_named_a_refund():
    buy = ("05", 5_000, "debit", "shopping", "Myntra", "savings")
    back = ("20", 2_000, "credit", "Refund", "myntra", "savings")
    assert_budget(months(SALARY, FOOD, buy, back), 60_000, 12_000)


def test_a_credit_that_exceeds_the_purchases_is_income():
    sold = ("12", 30_000, "credit", "consulting", "Acme", "savings")
    paid = ("05", 1_000, "debit", "consulting", "Acme", "savings")
    assert_budget(months(SALARY, FOOD, paid, sold), 90_000, 10_000)


def test_a_refund_of_an_earlier_month_lowers_that_months_spending():
    frame = rows(
        ("2025-01-30", 5_000, "debit", "shopping", "Ajio", "savings"),
        ("2025-02-03", 5_000, "credit", "shopping", "Ajio", "savings"),
        ("2025-02-20", 800, "debit", "shopping", "Ajio", "savings"),
    )
    assert classify(frame)["amount"].tolist() == [0, 5_000, 800]
    assert classify(frame)["flow"].tolist() == ["spending", "refund", "spending"]


@pytest.mark.parametrize("category", ["Self Transfer", "self-transfer", "OWN_ACCOUNT_TRANSFER", "Wallet Topup"])
def test_transfers_between_own_accounts_are_neither_income_nor_spending(category):
    out = ("03", 20_000, "debit", category, "ICICI", "savings")
    back = ("03", 20_000, "credit", category, "HDFC", "salary account")
    assert_budget(months(SALARY, FOOD, out, back), 60_000, 9_000)


def test_both_sides_of_a_transfer_are_found_by_amount_and_accounts():
    out = ("03", 20_000, "debit", "Transfers", "To ICICI", "HDFC 123")
    back = ("04", 20_000, "credit", "NEFT", "From HDFC", "ICICI 456")
    to_a_friend = ("06", 700, "debit", "Transfers", "Ravi", "HDFC 123")
    assert_budget(months(SALARY, FOOD, out, back, to_a_friend), 60_000, 9_700)


@pytest.mark.parametrize("category", ["Dividend", "INTEREST", "cashback", "Bonus", "transfers", "Loan-Disbursal"])
def test_irregular_credits_are_no_income(category):
    assert_budget(months(SALARY, FOOD, ("15", 7_000, "credit", category, "X", "savings")), 60_000, 9_000)


def test_investments_are_not_spending_and_their_sale_is_no_income():
    invested = ("07", 5_000, "debit", "SIP", "Groww", "savings")
    sold = ("17", 4_000, "credit", "Mutual Fund", "Groww", "savings")
    assert_budget(months(SALARY, FOOD, invested, sold), 60_000, 9_000)


def test_a_card_bill_is_not_spending_beside_the_purchases_that_it_pays():
    bought = ("09", 4_000, "debit", "dining", "KFC", "HDFC Credit Card")
    bill = ("25", 4_000, "debit", "Credit Card Bill", "HDFC", "savings")
    received = ("25", 4_000, "credit", "Credit Card Payment", "HDFC", "HDFC Credit Card")
    assert_budget(months(SALARY, FOOD, bought, bill, received), 60_000, 13_000)


def test_a_card_bill_is_spending_where_the_purchases_are_missing():
    bill = ("25", 4_000, "debit", "Credit Card Bill", "HDFC", "savings")
    assert_budget(months(SALARY, FOOD, bill), 60_000, 13_000)


def test_names_and_accounts():
    assert {key(name) for name in ("Self Transfer", "self-transfer", " SELF__transfer ")} == {"self_transfer"}
    accounts = pd.Series(["credit_card", "HDFC Credit Card", "cc-1234", "savings", "Debit Card", "scorecard", None])
    assert is_card(accounts).tolist() == [True, True, True, False, False, False, False]


def test_columns_that_files_may_lack_are_not_needed_and_other_users_do_not_matter():
    frame = months(SALARY, FOOD).drop(columns=["merchant", "account"])
    assert set(classify(frame)["flow"]) == {"income", "spending"}
    other = months(
        ("05", 50_000, "debit", "electronics", "Croma", "s"), ("08", 50_000, "credit", "electronics", "Croma", "s")
    )
    both = pd.concat([months(SALARY, FOOD), other.assign(user_id="V")], ignore_index=True)
    assert classify(both)["flow"].head(len(frame)).tolist() == classify(frame)["flow"].tolist()


@pytest.mark.parametrize("spelling", ["Food-Delivery", "FOOD DELIVERY", " food_delivery "])
def test_a_category_in_two_spellings_is_one(spelling):
    frame = months(SALARY, ("05", 900, "debit", "food_delivery", "Swiggy", "upi"))
    odd = (frame["category"] == "food_delivery") & (frame["timestamp"].dt.month % 2 == 0)
    mixed = frame.assign(category=frame["category"].where(~odd, spelling))
    found = histories(mixed)["U"]["by_category"]
    assert found == histories(frame)["U"]["by_category"] and found["food_delivery"] == [900.0] * 6


def test_a_category_without_letters_is_not_the_total():
    assert "-" in histories(months(SALARY, ("05", 900, "debit", "-", "Swiggy", "upi")))["U"]["by_category"]
