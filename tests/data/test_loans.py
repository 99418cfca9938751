import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.data import dialect
from nivesh.errors import DataError
from tests.data.conftest import LOAN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": 12}, "row 3, column age: 12 breaks the rule"),
        ({"age": "old"}, "row 3, column age: 'old' is not a number"),
        ({"age": 30.5}, "row 3, column age: not a whole number"),
        ({"defaulted": 2}, "row 3, column defaulted: '2' is neither 0 nor 1"),
        ({"application_id": "A1"}, "column application_id: 'A1' occurs more than once"),
        ({"loan_tenure_months": 0}, "row 3, column loan_tenure_months"),
        ({"monthly_income": None}, "row 3, column monthly_income: the value is missing"),
        ({"monthly_income": np.inf}, "row 3, column monthly_income: not a finite number"),
        ({"employment_type": " "}, "row 3, column employment_type: the value is missing"),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx"])
def test_broken_loans_name_row_and_column(table, change, message, name):
    if name == "rows.xlsx" and change.get("monthly_income") == np.inf:
        pytest.skip("Excel knows no infinity")
    with pytest.raises(DataError, match=message):
        data.read("loans", table(LOAN, LOAN | {"application_id": "A2"} | change, name=name))


def test_missing_column_is_named_with_those_found(table):
    with pytest.raises(DataError, match="the column age is missing; found application_id, user_id, gender.*--dialect"):
        data.read("loans", table({k: v for k, v in LOAN.items() if k != "age"}))


def test_loans_to_be_predicted_need_no_outcome(table):
    path = table({k: v for k, v in LOAN.items() if k != "defaulted"})
    assert len(data.read("loans", path, labelled=False)) == 1
    with pytest.raises(DataError, match="defaulted is missing"):
        data.read("loans", path)


# --- units -----------------------------------------------------------------------------------------------------------

PER_CENT = LOAN | {"income_stability": 90, "debt_to_income": 10, "credit_utilization": 30}
SHARES = ["income_stability", "debt_to_income", "credit_utilization"]


@pytest.mark.parametrize("column", SHARES)
def test_a_share_that_may_be_per_cent_is_refused_and_read_when_declared(table, column):
    path = table(LOAN, LOAN | {"application_id": "A2", column: PER_CENT[column]})
    with pytest.raises(DataError, match=rf"row 3, column {column}: \d+ may be per cent .*--percent {column}"):
        data.read("loans", path)
    row = data.read("loans", path, dialect=dialect.load(None, [column])).iloc[1]
    assert row[column] == pytest.approx(LOAN[column])


def test_per_cent_signs_of_values_and_of_headers_declare_their_unit(table):
    signs = data.read("loans", table({**LOAN, "debt_to_income": "10 %", "on_time_payment_pct": "97%"})).iloc[0]
    assert (signs["debt_to_income"], signs["on_time_payment_pct"]) == (pytest.approx(0.1), 97)
    header = {("Debt to Income (%)" if name == "debt_to_income" else name): v for name, v in PER_CENT.items()}
    header |= {"income_stability": 0.9, "credit_utilization": 0.3}
    assert data.read("loans", table(header)).iloc[0]["debt_to_income"] == pytest.approx(0.1)


def test_a_percentage_that_may_be_a_fraction_is_refused_and_read_when_declared(table):
    path = table(LOAN | {"on_time_payment_pct": 0.97})
    with pytest.raises(DataError, match=r"0.97 may be per cent or a fraction; .*fraction: \[on_time_payment_pct\]"):
        data.read("loans", path)
    fraction = dialect.parse("fraction: [on_time_payment_pct]")
    assert data.read("loans", path, dialect=fraction).iloc[0]["on_time_payment_pct"] == pytest.approx(97)
    assert data.read("loans", path, dialect=dialect.load(None, ["on_time_payment_pct"])).iloc[0][
        "on_time_payment_pct"
    ] == pytest.approx(0.97)


def test_fractions_above_the_bound_are_read_when_declared(table):
    path = table(LOAN | {"debt_to_income": 3.0})
    read = data.read("loans", path, dialect=dialect.parse("fraction: [debt_to_income]"))
    assert read.iloc[0]["debt_to_income"] == 3


def test_a_unit_of_a_column_without_units_is_refused(table):
    with pytest.raises(DataError, match="age has no unit to declare"):
        data.read("loans", table(LOAN), dialect=dialect.load(None, ["age"]))
    with pytest.raises(DataError, match="no_such of the dialect: the columns are application_id"):
        data.read("loans", table(LOAN), dialect=dialect.load(None, ["no_such"]))


# --- words -----------------------------------------------------------------------------------------------------------


def test_words_of_other_lenders_are_kept_and_counted(table):
    words = ["Salaried-Private", "salaried private", "gig_worker", "Self-Employed"]
    rows = data.DATASETS["loans"].read_rows(
        table(*(LOAN | {"application_id": str(i), "employment_type": word} for i, word in enumerate(words)))
    )
    assert rows.checked["employment_type"].tolist() == ["salaried_private"] * 2 + ["gig_worker", "self_employed"]
    assert rows.notes == [
        "employment_type: words of its own, kept as categories: salaried_private (2 rows), gig_worker (1 rows)"
    ]


@pytest.mark.parametrize("dtype", ["string", "category", object, "string[pyarrow]"])
def test_a_column_of_any_text_type_reads_the_same(table, tmp_path, dtype):
    words = ["salaried", "Self-Employed", "gig"]
    frame = pd.DataFrame([LOAN | {"application_id": f"00{i}", "employment_type": w} for i, w in enumerate(words)])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for name in ("application_id", "user_id", "gender", "region", "employment_type"):
        frame[name] = frame[name].astype(dtype)
    frame["age"] = frame["age"].astype("Int64")
    frame["loan_amount"] = frame["loan_amount"].astype("float32")
    frame.to_parquet(tmp_path / "rows.parquet")
    csv, parquet = data.read("loans", tmp_path / "rows.csv"), data.read("loans", tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(csv, parquet)
    assert csv["application_id"].tolist() == ["000", "001", "002"]


def test_the_time_of_an_application_is_read_where_the_file_has_it(table):
    assert "applied_at" not in data.read("loans", table(LOAN))
    read = data.read("loans", table(LOAN | {"applied_at": "2025-03-31 12:35:00+00"})).iloc[0]
    assert read["applied_at"] == pd.Timestamp("2025-03-31 18:05")
    for wrong, message in (
        ("31/03/2025", "date_format"), ("", "the value is missing"), ("2052-03-31", "in the future"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=f"row 2, column applied_at: .*{message}"):
            data.read("loans", table(LOAN | {"applied_at": wrong}))
