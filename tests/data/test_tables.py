import pandas as pd
import pytest

from nivesh import data
from nivesh.data.tables import one_scale
from nivesh.errors import DataError

LOAN = {
    "application_id": "A1", "user_id": "U1", "age": 30, "gender": "female", "region": "west",
    "employment_type": "salaried", "monthly_income": 50000.0, "income_stability": 0.9, "existing_emis": 5000.0,
    "debt_to_income": 0.1, "existing_loan_count": 1, "on_time_payment_pct": 97.0, "emergency_fund_months": 3.0,
    "credit_utilization": 0.3, "loan_amount": 200000.0, "loan_tenure_months": 36, "defaulted": 0,
}  # fmt: skip
PAYMENT = {
    "transaction_id": "T1", "user_id": "U1", "timestamp": "2025-03-31T18:05:00", "amount": 450.0, "direction": "debit",
    "category": "groceries", "merchant": "Sharma Kirana", "account": "upi", "city": "Pune",
}  # fmt: skip


def table(tmp_path, *rows: dict, name: str = "rows.csv"):
    path = tmp_path / name
    frame = pd.DataFrame(rows)
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": 12}, "row 3, column age: 12 breaks the rule"),
        ({"age": "old"}, "row 3, column age: 'old' is not of type"),
        ({"defaulted": 2}, "row 3, column defaulted: 2 breaks the rule"),
        ({"application_id": "A1"}, "column application_id: 'A1' stands more than once"),
        ({"loan_tenure_months": 0}, "row 3, column loan_tenure_months"),
        ({"monthly_income": None}, "row 3, column monthly_income"),
    ],
)
def test_broken_loans_name_row_and_column(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        data.read("loans", table(tmp_path, LOAN, LOAN | {"application_id": "A2"} | change))


def test_missing_column_is_named_with_those_found(tmp_path):
    with pytest.raises(DataError, match="the column age is missing; found application_id, user_id, gender"):
        data.read("loans", table(tmp_path, {k: v for k, v in LOAN.items() if k != "age"}))


def test_loans_to_be_predicted_need_no_outcome(tmp_path):
    path = table(tmp_path, {k: v for k, v in LOAN.items() if k != "defaulted"})
    assert len(data.read("loans", path, labelled=False)) == 1
    with pytest.raises(DataError, match="defaulted is missing"):
        data.read("loans", path)


def test_loans_in_per_cent_and_other_spelling_read_the_same(tmp_path):
    written = LOAN | {
        "income_stability": 90, "debt_to_income": 10, "credit_utilization": 30, "on_time_payment_pct": 0.97,
        "employment_type": "Self-Employed", "defaulted": "False",
    }  # fmt: skip
    row = data.read("loans", table(tmp_path, written)).iloc[0]
    assert (row["income_stability"], row["debt_to_income"], row["credit_utilization"]) == (0.9, 0.1, 0.3)
    assert row["on_time_payment_pct"] == 97
    assert row["employment_type"] == "self_employed"
    assert row["defaulted"] == 0


def test_one_scale_leaves_fractions_alone():
    frame = pd.DataFrame([LOAN, LOAN | {"debt_to_income": 3.0}])
    assert one_scale(frame).equals(frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": "31st of March"}, "row 3: timestamp '31st of March' is not a date"),
        ({"amount": -5}, "row 3, column amount"),
        ({"direction": "out"}, "row 3, column direction: 'out'"),
        ({"transaction_id": "T1"}, "column transaction_id: 'T1' stands more than once"),
        ({"merchant": None}, "row 3, column merchant"),
    ],
)
def test_broken_transactions_name_row_and_column(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        data.read("transactions", table(tmp_path, PAYMENT, PAYMENT | {"transaction_id": "T2"} | change))


def test_transactions_are_sorted_and_lose_their_zone(tmp_path):
    later = PAYMENT | {"transaction_id": "T2", "timestamp": "2025-03-31T18:05:00Z"}
    frame = data.read("transactions", table(tmp_path, later, PAYMENT))
    assert frame["transaction_id"].tolist() == ["T1", "T2"]
    assert frame["timestamp"].tolist() == [pd.Timestamp("2025-03-31 18:05"), pd.Timestamp("2025-03-31 23:35")]


def test_csv_and_parquet_agree(tmp_path):
    rows = [
        PAYMENT | {"is_anomaly": True, "anomaly_kind": "spike"},
        PAYMENT | {"transaction_id": "T2", "is_anomaly": False},
    ]
    csv = data.read("transactions", table(tmp_path, *rows))
    parquet = data.read("transactions", table(tmp_path, *rows, name="rows.parquet"))
    assert csv.equals(parquet)
    assert csv["is_anomaly"].tolist() == [1, 0]


def test_what_is_no_table(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as a table"):
        data.read("transactions", tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text("transaction_id,user_id\n")
    with pytest.raises(DataError, match="no rows under the header"):
        data.read("transactions", tmp_path / "rows.csv")
