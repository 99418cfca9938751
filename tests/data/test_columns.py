import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from nivesh.data.columns import flags, numbers, texts
from nivesh.data.dialect import DEFAULT, parse
from nivesh.data.timestamps import timestamps


def column(*values, name="amount", **options) -> pd.Series:
    return pd.Series(values, name=name, index=range(2, len(values) + 2), **options)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500), ("-2.5", -2.5), (".5", 0.5), ("1e3", 1000), ("+7", 7),
        ("1,250", 1250), ("1,250.75", 1250.75), ("1,25,000.50", 125000.5), ("12,50,000", 1250000),
        ("1,250,000", 1250000), ("₹1,25,000.50", 125000.5), ("₹ 500", 500), ("Rs. 500", 500), ("Rs500", 500), ("INR 500", 500),
        ("500/-", 500), ("500 INR", 500), ("(500.00)", -500), ("−500", -500), ("1 250 000", 1250000),
        ("१२३", 123), (" 500\u00a0", 500),
    ],
)  # fmt: skip
def test_unambiguous_spellings_of_amounts(text, value):
    read = numbers(column(text), DEFAULT)
    assert read.problems == [] and read.values[0] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "'abc' is not a number; correct the value"),
        ("$500", "'$500' is not a number"),
        ("0x1F", "not a number"),
        ("1_000", "not a number"),
        ("12,5", "not a number; write decimal: \",\""),
        ("1.25.000,50", 'write decimal: ","'),
        ("1234,56", 'write decimal: ","'),
        ("1,2500", "not a number"),
        ("inf", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("1e999", "not a finite number"),
        ("TRUE", "not a number"),
        ("5 00", "not a number; correct the value"),
    ],
)  # fmt: skip
def test_what_is_no_number_or_may_be_two(text, message):
    read = numbers(column("5", text), DEFAULT)
    assert [problem.row for problem in read.problems] == [3] and message in str(read.problems[0])
    assert math.isnan(read.values[1])


def test_a_decimal_comma_is_declared():
    comma = parse('decimal: ","')
    assert numbers(column("1.25.000,50", "12,5", "7", "1.250"), comma).values.tolist() == [125000.5, 12.5, 7, 1250]
    assert numbers(column("12.5"), comma).problems
    ambiguous = numbers(column("1,250", "1,250.00"), DEFAULT, delimiter=";")
    assert [problem.row for problem in ambiguous.problems] == [2]
    assert 'decimal: "," or decimal: "."' in str(ambiguous.problems[0])


@pytest.mark.parametrize("missing", ["", " ", "NA", "n/a", "NaN", "null", "None", "-"])
def test_missing_numbers_are_nan_without_a_problem(missing):
    read = numbers(column(missing), DEFAULT)
    assert read.problems == [] and math.isnan(read.values[0])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([500, 1], dtype="Int64"), pd.Series([500, 1], dtype="int8[pyarrow]") if False else pd.Series([500, 1]),
        pd.Series([500.0, 1.0], dtype="float32"), pd.Series(["500", "1"], dtype="string"),
        pd.Series(["500", "1"], dtype="category"), pd.Series([Decimal("500.00"), Decimal(1)]),
        pd.Series([500, 1.0], dtype=object), pd.Series(["500", "1"], dtype="string[pyarrow]"), pd.Series([500, 1], dtype="double[pyarrow]"),
    ],
)  # fmt: skip
def test_numbers_of_any_column_type(values):
    assert numbers(values.rename("amount"), DEFAULT).values.tolist() == [500.0, 1.0]


def test_texts_of_any_column_type():
    assert texts(column("007", None, np.nan, 7, 7.0, 7.5, "Cafe\u0301\u200b "))[0].tolist() == [
        "007", "", "", "7", "7", "7.5", "Café",
    ]  # fmt: skip
    assert texts(column(123, None, dtype="Int64"))[0].tolist() == ["123", ""]
    assert texts(column("NA", "nan", "null"))[0].tolist() == ["NA", "nan", "null"]  # somebody's name


def test_flags():
    values, problems = flags(column("Yes", True, 0, "0", "false", 1.0, None, "maybe"))
    assert values.tolist()[:6] == [1, 1, 0, 0, 0, 1] and values.isna().tolist()[6:] == [True, True]
    assert [str(problem) for problem in problems] == [
        "row 9, column amount: 'maybe' is neither 0 nor 1; correct the value"
    ]


EVENING = pd.Timestamp("2025-03-31 18:05:00")


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-31T18:05:00", "2025-03-31 18:05", "2025-03-31 12:35:00+00", "2025-03-31T12:35:00Z", "2025-03-31T12:35:00Z ",
        "2025-03-31 18:05:00+05:30", "2025-03-31T18:05:00+0530", "2025-03-31 07:35:00 -05", "2025-03-31 12:35 UTC",
        "2025/03/31 18:05:00", "31 Mar 2025 18:05", "31-Mar-2025 18:05:00", "31 March 2025 06:05 PM", "Mar 31, 2025 18:05",
        "2025-03-31 18:05:00.000000",
    ],
)  # fmt: skip
def test_times_in_any_unambiguous_spelling(text):
    values, problems = timestamps(column(text, name="timestamp"), DEFAULT)
    assert problems == [] and values.tolist() == [EVENING]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([EVENING]), pd.Series([EVENING]).astype("datetime64[us]"), pd.Series([EVENING.to_pydatetime()], dtype=object),
        pd.Series([EVENING]).dt.tz_localize("Asia/Kolkata").dt.tz_convert("UTC"),
        pd.Series([EVENING.tz_localize("Asia/Kolkata").to_pydatetime()], dtype=object),
        pd.Series(["2025-03-31 18:05"], dtype="string[pyarrow]"), pd.Series(["2025-03-31 18:05"], dtype="category"),
    ],
)  # fmt: skip
def test_times_of_any_column_type(values):
    read, problems = timestamps(values.rename("timestamp"), DEFAULT)
    assert problems == [] and read.tolist() == [EVENING] and read.dtype == "datetime64[ns]"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["01/02/2025"], 'write date_format: "%d/%m/%Y" or date_format: "%m/%d/%Y" in a dialect'),
        (["01/02/2025", "31/02/2025"], 'write date_format: "%d/%m/%Y" in a dialect'),
        (["31/03/2025"], 'write date_format: "%d/%m/%Y" in a dialect'),
        (["03-31-25"], 'write date_format: "%m-%d-%y" in a dialect'),
        (["31.03.2025 18:05:00"], 'write date_format: "%d.%m.%Y %H:%M:%S" in a dialect'),
        (["31/03/2025 06:05 PM"], 'write date_format: "%d/%m/%Y %I:%M %p" in a dialect'),
        (["31-Mar-25"], 'date_format: "%d-%b-%y"'),
        (["2025"], "'2025' is only a year"),
        (["2025-03"], "'2025-03' is only a month"),
        ([2025], "'2025' is only a year"),
        ([20250331], 'date_format: "%Y%m%d"'),
        ([1743424500], 'date_format: "unix_s"'),
        (["1743424500000"], 'date_format: "unix_ms"'),
        ([45747.75], "is not a date"),
        (["2025-02-30"], "is not a date"),
        (["2025-03-31T25:00"], "is not a date"),
        (["9999-12-31"], "is not a date"),
        (["infinity"], "is not a date"),
        ([None], "the value is missing"),
    ],
)
def test_times_that_are_refused_propose_their_format(texts, message):
    _, problems = timestamps(column(*texts, name="timestamp"), DEFAULT)
    assert message in str(problems[0])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('date_format: "%d/%m/%Y %I:%M %p"', "31/03/2025 06:05 PM"),
        ("date_format: unix_s", 1743424500),
        ("date_format: unix_ms", "1743424500000"),
        ("timezone: UTC", "2025-03-31T12:35:00"),
        ("timezone: America/New_York", "2025-03-31T08:35:00"),
        ("timezone: UTC", pd.Timestamp("2025-03-31T12:35:00")),
    ],
)
def test_times_of_a_dialect(line, value):
    values, problems = timestamps(column(value, name="timestamp"), parse(line))
    assert problems == [] and values.tolist() == [EVENING]
