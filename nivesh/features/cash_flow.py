"""What a transaction is to a household's budget: income, spending, an investment, a refund, a transfer between accounts.

The one definition, for financial features and spending histories alike. Names of categories, merchants and accounts are
compared in one form: "Self Transfer", "self-transfer" and "SELF_TRANSFER" are the same.
"""

import re

import numpy as np
import pandas as pd

from nivesh.features.transaction import normalise

# The flows.
INCOME = "income"  # regular: salary, pension, receipts of a business
OTHER_INFLOW = "other_inflow"  # irregular money of others: gifts, bonus, interest, cashback, a loan that is paid out
SPENDING = "spending"  # what a household pays to others, loans and rent included
INVESTMENT = "investment"  # put aside, or taken back; neither spending nor income
REFUND = "refund"  # a purchase paid back: it lowers the spending and is no income
TRANSFER = "transfer"  # between own accounts, or the bill of a card whose purchases are in the file themselves

OWN_TRANSFERS = {
    "self_transfer", "self_transfers", "own_transfer", "internal_transfer", "own_account", "own_account_transfer",
    "account_transfer", "transfer_to_self", "transfer_between_accounts", "between_accounts", "self", "wallet_topup",
    "wallet_top_up", "wallet_load",
}  # fmt: skip
TRANSFERS = {
    "transfer", "transfers", "upi_transfer", "bank_transfer", "neft", "imps", "rtgs",
}  # fmt: skip
CARD_BILLS = {
    "credit_card_payment", "credit_card_bill", "credit_card_bill_payment", "card_payment", "card_bill", "cc_payment",
    "cc_bill",
}  # fmt: skip
REFUNDS = {
    "refund", "refunds", "reversal", "reversals", "chargeback", "purchase_return",
}  # fmt: skip
INVESTMENTS = {
    "sip", "investment", "investments", "savings", "mutual_fund", "mutual_funds", "stocks", "fixed_deposit",
    "recurring_deposit", "ppf", "nps", "redemption",
}  # fmt: skip
IRREGULAR = {
    "cashback", "rewards", "interest", "bonus", "dividend", "dividends", "loan", "loan_disbursal", "gift", "gifts",
}  # fmt: skip
LOAN_PAYMENTS = {
    "emi", "loan", "loan_emi", "loan_repayment",
}  # fmt: skip

PAIR_DAYS = pd.Timedelta(days=2)  # between the two sides of a transfer between own accounts
REFUND_DAYS = np.timedelta64(180, "D")  # after which a credit is no refund of a purchase
PAISA = 0.005


def key(name: str) -> str:
    """The form in which names are compared: "Credit-Card  Bill" -> "credit_card_bill"."""
    return re.sub(r"[\s\-_]+", "_", normalise(name)).strip("_")


def keys(names: pd.Series) -> pd.Series:
    """``key`` of a column of texts."""
    return names.map({name: key(name) for name in names.dropna().unique()}).fillna("")


def is_card(accounts: pd.Series) -> pd.Series:
    """Which accounts are credit cards, by their names."""
    words = {name: set(re.split(r"[\W_]+", normalise(name))) for name in accounts.dropna().unique()}
    cards = {"card", "creditcard", "cc", "visa", "mastercard", "amex"}
    return accounts.map({name: bool(parts & cards) and "debit" not in parts for name, parts in words.items()}) == True  # noqa: E712


def classify(transactions: pd.DataFrame) -> pd.DataFrame:
    """The rows with a column ``flow``, and with refunded amounts taken off the ``amount`` of the purchases.

    Args:
        transactions: checked rows of any users; merchant and account may be missing.

    Returns:
        The same rows in the same order. A wholly refunded purchase has the amount 0.
    """
    optional = {name: "" for name in ("merchant", "account") if name not in transactions}
    columns = transactions.assign(**optional)
    category, merchant = keys(columns["category"]), keys(columns["merchant"])
    debit = transactions["direction"] == "debit"
    own = category.isin(OWN_TRANSFERS) | merchant.isin(OWN_TRANSFERS) | _paired(columns, category)
    bill = category.isin(CARD_BILLS)
    settles_card = bill
    if "account" in transactions:  # else it is not known whether the card's purchases are in the file
        card_users = columns.loc[debit & ~bill & is_card(columns["account"]), "user_id"].unique()
        settles_card = bill & (~debit | columns["user_id"].isin(card_users))
    flow = pd.Series(np.where(debit, SPENDING, INCOME), index=transactions.index, dtype=object)
    flow[~debit & (category.isin(IRREGULAR) | category.isin(TRANSFERS))] = OTHER_INFLOW
    flow[category.isin(INVESTMENTS)] = INVESTMENT
    flow[~debit & category.isin(REFUNDS)] = REFUND
    flow[own | settles_card] = TRANSFER
    result = transactions.assign(flow=flow)
    _settle_refunds(result, category, merchant)
    return result


def _paired(rows: pd.DataFrame, category: pd.Series) -> pd.Series:
    """Rows that are one side of a transfer: the same amount leaves one account and reaches another of the same user."""
    sides = rows.loc[category.isin(TRANSFERS) & (keys(rows["account"]) != "")]
    sides = sides.assign(paise=(sides["amount"] * 100).round().astype("int64"), row=sides.index)
    sides = sides[["user_id", "timestamp", "paise", "account", "row", "direction"]].sort_values("timestamp")
    out, back = sides[sides["direction"] == "debit"], sides[sides["direction"] == "credit"]
    pairs = pd.merge_asof(
        back,
        out,
        on="timestamp",
        by=["user_id", "paise"],
        direction="nearest",
        tolerance=PAIR_DAYS,
        suffixes=("", "_out"),
    )
    pairs = pairs[pairs["row_out"].notna() & (pairs["account"] != pairs["account_out"])]
    return rows.index.to_series().isin([*pairs["row"], *pairs["row_out"]])


def _settle_refunds(rows: pd.DataFrame, category: pd.Series, merchant: pd.Series) -> None:
    """Find the purchases that credits pay back; lower their amounts and mark the credits as refunds, in place.

    A credit is a refund when its category says so, or when it has merchant and category of earlier purchases and is not
    larger than they are.
    """
    amount, flow = rows["amount"].to_numpy(copy=True), rows["flow"].to_numpy(copy=True)
    time, users = rows["timestamp"].to_numpy(), rows["user_id"].to_numpy()
    categories, merchants = category.to_numpy(), merchant.to_numpy()
    credits = np.flatnonzero((flow == REFUND) | (flow == INCOME))
    wanted = {(users[place], merchants[place]) for place in credits if merchants[place]}
    purchases: dict[tuple[str, str], list[int]] = {}
    by_time = np.argsort(time, kind="stable")
    for place in by_time[flow[by_time] == SPENDING]:
        if (users[place], merchants[place]) in wanted:
            purchases.setdefault((users[place], merchants[place]), []).append(place)
    for credit in by_time[np.isin(by_time, credits)]:
        earlier = [
            place
            for place in reversed(purchases.get((users[credit], merchants[credit]), []))
            if time[credit] - REFUND_DAYS <= time[place] <= time[credit]
            and amount[place] > 0
            and (flow[credit] == REFUND or categories[place] == categories[credit])
        ]
        if flow[credit] != REFUND and sum(amount[place] for place in earlier) + PAISA < amount[credit]:
            continue
        flow[credit] = REFUND
        whole = [place for place in earlier if amount[place] + PAISA >= amount[credit]]
        rest = amount[credit]
        for place in whole[:1] or earlier:
            taken = min(rest, amount[place])
            amount[place], rest = amount[place] - taken, rest - taken
    rows["amount"], rows["flow"] = amount, flow
