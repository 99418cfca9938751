"""Tables of transactions and loan applications, checked by pandera; errors name the row."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from nivesh.errors import DataError

# The words of the samples; files may use others, read in lower case with underscores.
GENDERS = ("female", "male", "other")
EMPLOYMENT_TYPES = ("salaried", "self_employed", "gig", "unemployed", "retired", "student")


def _text(**options) -> pa.Column:
    return pa.Column(str, pa.Check.str_length(min_value=1), coerce=True, **options)


def _number(low: float, high: float | None = None, kind: type = float) -> pa.Column:
    checks = [pa.Check.ge(low)] + ([pa.Check.le(high)] if high is not None else [])
    return pa.Column(kind, checks, coerce=True)


# Amounts are rupees a month or rupees; shares are fractions of 1 unless the name ends in _pct.
LOANS = pa.DataFrameSchema(
    {
        "application_id": _text(unique=True),
        "user_id": _text(),
        "age": _number(18, 100, int),
        "gender": _text(),
        "region": _text(),
        "employment_type": _text(),
        "monthly_income": _number(0),
        "income_stability": _number(0, 1),
        "existing_emis": _number(0),
        "debt_to_income": _number(0),
        "existing_loan_count": _number(0, kind=int),
        "on_time_payment_pct": _number(0, 100),
        "emergency_fund_months": _number(0),
        "credit_utilization": _number(0),
        "loan_amount": _number(1),
        "loan_tenure_months": _number(1, 480, int),
        "defaulted": pa.Column(int, pa.Check.isin((0, 1)), coerce=True),
    },
    strict=False,
)

TRANSACTIONS = pa.DataFrameSchema(
    {
        "transaction_id": _text(unique=True),
        "user_id": _text(),
        "timestamp": pa.Column("datetime64[ns]"),
        "amount": pa.Column(float, pa.Check.gt(0), coerce=True),
        "direction": pa.Column(str, pa.Check.isin(("debit", "credit"))),
        "category": _text(),
        "merchant": _text(),
        "account": _text(),
        "city": _text(),
        "is_anomaly": pa.Column(int, pa.Check.isin((0, 1)), coerce=True, required=False),
        "anomaly_kind": pa.Column(str, nullable=True, required=False),
    },
    strict=False,
)


def read_loans(path: Path, labelled: bool = True) -> pd.DataFrame:
    """Loan applications, from CSV or Parquet; the columns of ``LOANS``, ``defaulted`` only where labelled.

    Raises:
        DataError: names the row and column that breaks the schema.
    """
    schema = LOANS if labelled else LOANS.remove_columns(["defaulted"])
    return _check(one_scale(_flags(_read(path), "defaulted")), schema, path.name)


def read_transactions(path: Path, labelled: bool = True) -> pd.DataFrame:
    """Transactions from CSV or Parquet, sorted by time; the columns of ``TRANSACTIONS``.

    Timestamps with a zone are taken as Indian time and lose the zone; ``is_anomaly`` may always be missing.

    Raises:
        DataError: names the row and column that breaks the schema.
    """
    frame = _read(path)
    if "timestamp" in frame:
        frame["timestamp"] = _times(frame["timestamp"], path.name)
    if "anomaly_kind" in frame:
        frame["anomaly_kind"] = frame["anomaly_kind"].fillna("").astype(str)
    frame = _check(_flags(frame, "is_anomaly"), TRANSACTIONS, path.name)
    return frame.sort_values("timestamp", kind="stable").reset_index(drop=True)


def one_scale(loans: pd.DataFrame) -> pd.DataFrame:
    """Loans with shares as fractions, on_time_payment_pct as a percentage, and words in lower case with underscores.

    Files come with 0.35 and with 35 for the same share; a whole column tells which it is.
    """
    loans = loans.copy()
    for name in ("gender", "employment_type"):
        if name in loans and loans[name].dtype == object:
            loans[name] = loans[name].str.strip().str.lower().str.replace(r"[\s-]+", "_", regex=True)

    def numbers(name: str) -> pd.Series | None:
        column = loans.get(name)
        return column if column is not None and pd.api.types.is_numeric_dtype(column) and len(column) else None

    # Above these medians a share can only be meant in per cent: ten times the income, five times the limit.
    for name, most in (("income_stability", 1.0), ("debt_to_income", 5.0), ("credit_utilization", 2.0)):
        share = numbers(name)
        if share is not None and share.median() > most:
            loans[name] = share / 100
    on_time = numbers("on_time_payment_pct")
    if on_time is not None and on_time.max() <= 1:
        loans["on_time_payment_pct"] = on_time * 100
    return loans


def _flags(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column of true and false in any spelling as 1 and 0; what is neither stays for the schema to refuse."""
    if name in frame and frame[name].dtype in (object, bool):
        words = {"true": 1, "false": 0, "yes": 1, "no": 0, "1": 1, "0": 0}
        lowered = frame[name].astype(str).str.strip().str.lower()
        frame[name] = lowered.map(words).where(lowered.isin(words), frame[name])
    return frame


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype={name: str for name in ("application_id", "transaction_id", "user_id")})
    except Exception as error:  # noqa: BLE001  pyarrow and the CSV parser raise many kinds
        raise DataError(f"{path.name}: cannot be read as a table ({error}); give CSV or Parquet") from None
    if frame.empty:
        raise DataError(f"{path.name}: no rows under the header")
    return frame


def _times(column: pd.Series, name: str) -> pd.Series:
    if column.dtype == object:
        texts = column.astype(str)
        zoned = texts.str.contains(r"T?\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)$")
        times = pd.to_datetime(texts.mask(zoned), errors="coerce", format="ISO8601")
        abroad = pd.to_datetime(texts.where(zoned), errors="coerce", format="ISO8601", utc=True)
        times = times.fillna(abroad.dt.tz_convert("Asia/Kolkata").dt.tz_localize(None))
    elif isinstance(column.dtype, pd.DatetimeTZDtype):
        times = column.dt.tz_convert("Asia/Kolkata").dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(column):
        times = column
    else:  # a bare number could be seconds, days or a year
        times = pd.Series(pd.NaT, index=column.index)
    bad = times.isna()
    if bad.any():
        row = int(bad.idxmax())
        raise DataError(
            f"{name} row {row + 2}: timestamp {column[row]!r} is not a date; write it as 2025-03-31T18:05:00"
        )
    return times.astype("datetime64[ns]")


def _check(frame: pd.DataFrame, schema: pa.DataFrameSchema, name: str) -> pd.DataFrame:
    missing = [column for column, rule in schema.columns.items() if rule.required and column not in frame]
    if missing:
        raise DataError(
            f"{name}: the column {', '.join(missing)} is missing; found {', '.join(map(str, frame.columns))}"
        )
    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        raise DataError(f"{name} {_explain(error.failure_cases, frame, schema)}") from None


def _explain(cases: pd.DataFrame, frame: pd.DataFrame, schema: pa.DataFrameSchema) -> str:
    """The first failure as "row 17, column age: …". Rows count as a spreadsheet shows them: the header is row 1."""
    case = cases.sort_values("index", kind="stable", na_position="last").iloc[0]
    column, check, value = case["column"], str(case["check"]), case["failure_case"]
    value = value.item() if hasattr(value, "item") else value
    row = f"row {int(case['index']) + 2}, " if pd.notna(case["index"]) else ""
    rule = schema.columns.get(column)
    if "unique" in check:
        what = f"{value!r} stands more than once; keep one row for each"
    elif "coerce" in check or "dtype" in check:
        what = f"{value!r} is not of type {rule.dtype}; correct the value"
    elif "nullable" in check:
        what = "the value is missing; fill it in or drop the row"
    else:
        what = f"{value!r} breaks the rule {check}; correct the value"
    more = f" ({len(cases) - 1} more problems)" if len(cases) > 1 else ""
    return f"{row}column {column}: {what}{more}"
