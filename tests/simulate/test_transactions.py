from datetime import date

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.errors import SettingsError
from nivesh.simulate import transactions
from nivesh.simulate.anomalies import KINDS


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return transactions(users=12, months=14, seed=3)


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    return transactions(users=40, months=18, seed=1)


def test_same_seed_same_rows_and_another_seed_others(rows):
    assert transactions(users=12, months=14, seed=3).equals(rows)
    assert not transactions(users=1, months=14, seed=4)["amount"].head(50).equals(rows["amount"].head(50))


def test_a_user_is_the_same_with_fewer_others(rows):
    few = transactions(users=3, months=14, seed=3)
    columns = ["timestamp", "amount", "merchant", "city", "anomaly_kind"]
    ours, theirs = few[few["user_id"] == "user_103"], rows[rows["user_id"] == "user_103"]
    pd.testing.assert_frame_equal(ours[columns].reset_index(drop=True), theirs[columns].reset_index(drop=True))


def test_rows_pass_the_reader_and_end_in_time(rows, tmp_path):
    data.write_parquet(rows, tmp_path / "rows.parquet")
    checked = data.read("transactions", tmp_path / "rows.parquet")
    assert len(checked) == len(rows)
    assert rows["timestamp"].is_monotonic_increasing
    assert rows["timestamp"].max() < pd.Timestamp("2025-10-01")
    early = transactions(users=2, months=3, end=date(2024, 2, 29))["timestamp"]
    assert early.min() >= pd.Timestamp("2023-12-01") and early.max() < pd.Timestamp("2024-03-01")


def test_months_have_salary_rent_and_the_income_covers_most_of_the_spending(rows):
    salary = rows[rows["category"] == "salary"]
    assert set(salary["direction"]) == {"credit"}
    assert salary.groupby(["user_id", salary["timestamp"].dt.to_period("M")]).size().median() == 1
    rent = rows[(rows["category"] == "rent") & (rows["is_anomaly"] == 0)]
    assert (rent["timestamp"].dt.day <= 7).all()
    ordinary = rows[rows["is_anomaly"] == 0]
    totals = ordinary.pivot_table(index="user_id", columns="direction", values="amount", aggfunc="sum")
    assert 0.5 < (totals["debit"] / totals["credit"]).median() < 1.15


def test_festivals_raise_shopping(many):
    shopping = many[many["category"].isin(["shopping", "gifts"]) & (many["is_anomaly"] == 0)]
    months = shopping.groupby(shopping["timestamp"].dt.to_period("M"))["amount"].sum()
    assert months["2024-10"] > 1.3 * months["2025-05":"2025-07"].mean()  # Diwali was on 31 October 2024


def test_anomalies_of_all_kinds_are_rare_and_labelled(many):
    rows = many
    assert set(rows["anomaly_kind"]) == {"", *KINDS}
    assert ((rows["anomaly_kind"] != "") == (rows["is_anomaly"] == 1)).all()
    assert 0.003 < rows["is_anomaly"].mean() < 0.015
    first = rows.groupby("user_id")["timestamp"].transform("min")
    assert (rows["timestamp"] - first)[rows["is_anomaly"] == 1].min() > pd.Timedelta(days=2)


def test_a_double_charge_repeats_a_payment_within_ten_minutes(rows):
    doubles = rows[rows["anomaly_kind"] == "duplicate_charge"]
    assert len(doubles)
    for row in doubles.itertuples():
        same = rows[(rows["user_id"] == row.user_id) & (rows["merchant"] == row.merchant)]
        same = same[np.isclose(same["amount"], row.amount) & (same["timestamp"] < row.timestamp)]
        assert (row.timestamp - same["timestamp"].max()).total_seconds() <= 600


def test_progress_reaches_the_end():
    seen = []
    transactions(users=2, months=2, progress=lambda fraction, text: seen.append((fraction, text)))
    assert seen[-1] == (1.0, "simulated 2 of 2 users")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"users": 0}, "users=0"), ({"months": 121}, "months=121"), ({"end": date(1999, 1, 1)}, "2001")],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        transactions(**options)


def test_the_sample_that_ships_is_what_the_simulator_writes():
    shipped = data.read("transactions")
    made = transactions(users=2, months=30)
    ours = shipped[shipped["user_id"].isin(["user_101", "user_102"])]
    assert (len(shipped), shipped["user_id"].nunique()) == (111_732, 60)
    pd.testing.assert_frame_equal(
        ours.drop(columns="transaction_id").reset_index(drop=True), made.drop(columns="transaction_id")
    )
