"""Rows of each table, and a way to write them as a file."""

from pathlib import Path

import pandas as pd
import pytest

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


@pytest.fixture
def table(tmp_path):
    """table(row, row, name=) -> path of a CSV, or of another format by its suffix."""

    def write(*rows: dict, name: str = "rows.csv") -> Path:
        path, frame = tmp_path / name, pd.DataFrame(rows)
        writers = {".parquet": frame.to_parquet, ".xlsx": frame.to_excel}
        write = writers.get(path.suffix.lower(), frame.to_csv)
        write(path) if path.suffix.lower() == ".parquet" else write(path, index=False)
        return path

    return write


@pytest.fixture
def file(tmp_path):
    """file(content, name=) -> path."""

    def write(content: str | bytes, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
