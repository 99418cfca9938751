import pandas as pd
import pytest

from nivesh import data
from nivesh.data import dialect
from nivesh.errors import DataError
from tests.data.conftest import PAYMENT

SECOND = PAYMENT | {"transaction_id": "T2"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": "31st of March"}, "row 3, column timestamp: '31st of March' is not a date"),
        ({"amount": -5}, "row 3, column amount: -5.0 breaks the rule"),
        ({"amount": 0}, "row 3, column amount"),
        ({"amount": "1e400"}, "row 3, column amount: not a finite number"),
        ({"amount": None}, "row 3, column amount: the value is missing"),
        ({"direction": "out"}, "row 3, column direction: 'out' is unknown; write one of debit, credit"),
        ({"transaction_id": "T1"}, "column transaction_id: 'T1' occurs more than once"),
        ({"user_id": None}, "row 3, column user_id: the value is missing"),
        ({"category": "  "}, "row 3, column category: the value is missing"),
        ({"merchant": "Ca\x00fe"}, "row 3 .*NUL"),
    ],
)
def test_broken_transactions_name_row_and_column(table, change, message):
    with pytest.raises(DataError, match=message):
        data.read("transactions", table(PAYMENT, SECOND | change))


@pytest.mark.parametrize("change", [{"merchant": "Ca\x00fe"}, {"amount": float("inf")}])
def test_parquet_is_checked_like_csv(table, change):
    with pytest.raises(DataError, match="row 3, column"):
        data.read("transactions", table(PAYMENT, SECOND | change, name="rows.parquet"))


def test_all_problems_are_counted_and_the_first_row_is_named(table):
    with pytest.raises(DataError, match=r"rows.csv row 2, column category: .* \(2 more problems\)"):
        data.read("transactions", table(PAYMENT | {"category": ""}, SECOND | {"amount": "x", "direction": "y"}))


def test_transactions_are_sorted_and_lose_their_zone(table):
    later = SECOND | {"timestamp": "2025-03-31T18:05:00Z"}
    frame = data.read("transactions", table(later, PAYMENT))
    assert frame["transaction_id"].tolist() == ["T1", "T2"]
    assert frame["timestamp"].tolist() == [pd.Timestamp("2025-03-31 18:05"), pd.Timestamp("2025-03-31 23:35")]


def test_csv_and_parquet_agree(table):
    rows = [PAYMENT | {"is_anomaly": True, "anomaly_kind": "spike"}, SECOND | {"is_anomaly": False}]
    csv = data.read("transactions", table(*rows))
    assert csv.equals(data.read("transactions", table(*rows, name="rows.parquet")))
    assert csv["is_anomaly"].tolist() == [1, 0]


def test_optional_fields_may_be_empty_or_absent(table):
    bare = {k: v for k, v in PAYMENT.items() if k not in ("merchant", "account")} | {"city": None}
    row = data.read("transactions", table(bare)).iloc[0]
    assert (row["merchant"], row["account"], row["city"]) == ("", "", "")


def test_labels_are_whole_or_absent(table):
    unlabelled = data.read("transactions", table(PAYMENT | {"is_anomaly": None}, SECOND | {"is_anomaly": None}))
    assert "is_anomaly" not in unlabelled
    with pytest.raises(DataError, match="row 3, column is_anomaly: the label is missing"):
        data.read("transactions", table(PAYMENT | {"is_anomaly": 1}, SECOND | {"is_anomaly": None}))


def test_ids_and_words_are_read_as_text_in_one_spelling(file):
    read = data.read(
        "transactions",
        file(
            "Transaction ID,USER_ID,Timestamp, Amount ,direction,category,merchant,account,city,note\n"
            "0001,u1 ,2025-03-01,500,Debit,food ,007,000123,Pune,a\n"
            "0002,u1,2025-03-02,500,DR,food,Cafe\u0301,000123,,b\n"
            "0003,\u00a0u1\u200b,2025-03-03,500,withdrawal,food,Caf\u00e9,000123,,c\n"
        ),
    )
    assert read["transaction_id"].tolist() == ["0001", "0002", "0003"]
    assert set(read["user_id"]) == {"u1"} and set(read["category"]) == {"food"} and set(read["direction"]) == {"debit"}
    assert read["merchant"].tolist() == ["007", "Café", "Café"]
    assert set(read["account"]) == {"000123"}
    assert "note" not in read


# --- amounts ---------------------------------------------------------------------------------------------------------

HDFC = (
    "HDFC BANK Ltd.,,,,\nStatement of account,,,,\n\n"
    "Date,Narration,Ref No.,Withdrawal Amt.,Deposit Amt.\n"
    '01/04/2025,UPI-SWIGGY,001,"1,250.50",\n'
    '02/04/2025,SALARY,002,,"₹1,25,000.00"\n'
)
HDFC_DIALECT = """
header_row: 4
columns: {timestamp: Date, merchant: Narration}
constants: {user_id: me, category: uncategorised, account: hdfc}
row_ids: true
date_format: "%d/%m/%Y"
"""


def test_a_bank_statement_is_read_with_its_dialect(file):
    read = data.read("transactions", file(HDFC, "hdfc.csv"), dialect=dialect.parse(HDFC_DIALECT))
    assert read["amount"].tolist() == [1250.5, 125000]
    assert read["direction"].tolist() == ["debit", "credit"]
    assert read["timestamp"].tolist() == [pd.Timestamp("2025-04-01"), pd.Timestamp("2025-04-02")]
    assert read["merchant"].tolist() == ["UPI-SWIGGY", "SALARY"]
    assert read["transaction_id"].tolist() == ["hdfc-5", "hdfc-6"] and set(read["user_id"]) == {"me"}


def test_each_refusal_of_a_bank_statement_proposes_the_next_line(file):
    """Followed one by one, the proposals read the file."""
    path = file(HDFC, "hdfc.csv")
    steps = [
        ("header_row: 4", "header_row: 4"),
        ("row_ids: true", "row_ids: true"),
        ("constants: {user_id: ID}", "constants: {user_id: me, category: uncategorised}"),
        ("columns: {timestamp: Date}", "columns: {timestamp: Date}"),
        ('date_format: "%d/%m/%Y" or date_format: "%m/%d/%Y"', 'date_format: "%d/%m/%Y"'),
    ]
    written = ""
    for proposed, line in steps:
        with pytest.raises(DataError) as refusal:
            data.read("transactions", path, dialect=dialect.parse(written))
        assert proposed in str(refusal.value)
        written += line + "\n"
    assert len(data.read("transactions", path, dialect=dialect.parse(written))) == 2


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ((500, 300), "row 2, column Debit and Credit: one of the two must hold an amount"),
        (("", ""), "row 2, column Debit and Credit: one of the two must hold an amount"),
        ((-500, ""), "row 2, column Debit: below 0"),
        (("abc", ""), "row 2, column Debit: 'abc' is not a number"),
    ],
)
def test_of_two_amounts_each_row_has_one(table, values, error):
    row = {k: v for k, v in PAYMENT.items() if k not in ("amount", "direction")}
    with pytest.raises(DataError, match=error):
        data.read("transactions", table(row | {"Debit": values[0], "Credit": values[1]}))


def without_direction(*amounts):
    row = {k: v for k, v in PAYMENT.items() if k != "direction"}
    return [row | {"transaction_id": f"T{i}", "amount": amount} for i, amount in enumerate(amounts)]


def test_dr_and_cr_behind_amounts_or_in_a_column_give_the_direction(table):
    behind = data.read("transactions", table(*without_direction("450.00 Dr", "1,200.00 Cr.", "30.00 (DR)")))
    assert behind["direction"].tolist() == ["debit", "credit", "debit"]
    assert behind["amount"].tolist() == [450, 1200, 30]
    column = [row | {"Dr/Cr": word} for row, word in zip(without_direction(450, 1200), ("Dr", "CR"), strict=True)]
    assert data.read("transactions", table(*column))["direction"].tolist() == ["debit", "credit"]
    with pytest.raises(DataError, match="row 2, column direction: credit, but the amount says debit"):
        data.read("transactions", table(PAYMENT | {"direction": "credit", "amount": "450 Dr"}))


def test_signs_are_declared(table):
    path = table(*without_direction(-450, 1200))
    with pytest.raises(DataError, match="the column direction is missing.*signs: negative_is_debit"):
        data.read("transactions", path)
    read = data.read("transactions", path, dialect=dialect.parse("signs: negative_is_debit"))
    assert read["direction"].tolist() == ["debit", "credit"] and read["amount"].tolist() == [450, 1200]


def test_two_columns_of_one_name_are_refused(file):
    with pytest.raises(DataError, match=r"'Amount ' stands twice|'Amount' stands twice"):
        data.read("transactions", file("transaction_id,amount,Amount \n1,2,3\n"))


# --- plausible times -------------------------------------------------------------------------------------------------


def test_a_mistyped_year_is_named(table):
    rows = [PAYMENT | {"transaction_id": f"T{i}", "timestamp": f"2025-03-{i:02}"} for i in range(1, 11)]
    rows[4]["timestamp"] = "2052-03-05"
    with pytest.raises(
        DataError, match="row 6, column timestamp: .* is 27 years from the other rows and in the future"
    ):
        data.read("transactions", table(*rows))
    rows[4]["timestamp"] = "2005-03-05"
    with pytest.raises(DataError, match="row 6, column timestamp: .* is 20 years from the other rows"):
        data.read("transactions", table(*rows))


@pytest.mark.parametrize(("time", "message"), [("1970-01-01", "before 1990"), ("2199-01-01", "in the future")])
def test_an_impossible_time_is_named_also_alone(table, time, message):
    with pytest.raises(DataError, match=f"row 2, column timestamp: .* is {message}"):
        data.read("transactions", table(PAYMENT | {"timestamp": time}))
