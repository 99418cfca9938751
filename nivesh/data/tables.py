"""The columns of loans and transactions: pandera's schemas, and what their readers share."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from nivesh.data.columns import MISSING, PLAIN_NUMBER, Numbers, Problem, numbers, texts
from nivesh.data.dialect import Dialect, compact, propose
from nivesh.data.source import Source
from nivesh.errors import DataError

# The words of the samples; files may use others, which are categories of their own.
GENDERS = ("female", "male", "other")
EMPLOYMENT_TYPES = ("salaried", "self_employed", "gig", "unemployed", "retired", "student")


def _text(**options: Any) -> pa.Column:
    return pa.Column(str, pa.Check.str_length(min_value=1), **options)


def _number(low: float, high: float | None = None, kind: type = float) -> pa.Column:
    checks = [pa.Check.ge(low)] + ([pa.Check.le(high)] if high is not None else [])
    return pa.Column(kind, checks)


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
        "defaulted": pa.Column(int, pa.Check.isin((0, 1))),
        "applied_at": pa.Column("datetime64[ns]", required=False),  # Indian time; when the loan was applied for
    },
    strict=False,
)

TRANSACTIONS = pa.DataFrameSchema(
    {
        "transaction_id": _text(unique=True),
        "user_id": _text(),
        "timestamp": pa.Column("datetime64[ns]"),
        "amount": pa.Column(float, pa.Check.gt(0)),
        "direction": pa.Column(str, pa.Check.isin(("debit", "credit"))),
        "category": _text(),
        "merchant": pa.Column(str),  # these three are "" where the file has none
        "account": pa.Column(str),
        "city": pa.Column(str),
        "is_anomaly": pa.Column(int, pa.Check.isin((0, 1)), required=False),
        "anomaly_kind": pa.Column(str, required=False),
    },
    strict=False,
)


INTENTS = pa.DataFrameSchema(
    {"text": pa.Column(str), "intent": pa.Column(str, required=False), "voice": pa.Column(str, required=False)},
    strict=False,
)


class Table:
    """The columns of a file by the project's names, and the problems found while they are read."""

    def __init__(self, source: Source, dialect: Dialect, schema: pa.DataFrameSchema):
        """Match the file's columns: by the dialect, else by name without case, spaces and punctuation.

        Raises:
            DataError: the dialect names a column that the file lacks, or one for two purposes.
        """
        self.source, self.dialect, self.schema = source, dialect, schema
        self.problems: list[Problem] = []
        own = {compact(name): name for name in source.frame}
        unknown = {*dialect.columns, *dialect.constants, *dialect.percent, *dialect.fraction} - set(schema.columns)
        if unknown:
            columns = ", ".join(schema.columns)
            raise DataError(f"{source.name}: {', '.join(sorted(unknown))} of the dialect: the columns are {columns}")
        for name in (*dialect.columns.values(), dialect.debit, dialect.credit):
            if name and compact(name) not in own:
                raise DataError(
                    f"{source.name}: the dialect's column {name!r} is missing; found {', '.join(own.values())}"
                )
        if twice := set(dialect.columns) & set(dialect.constants):
            raise DataError(f"{source.name}: {', '.join(sorted(twice))} is both a column and a constant of the dialect")
        self.names = {ours: own[compact(name)] for ours, name in dialect.columns.items()}
        taken = set(self.names.values())
        for ours in schema.columns:
            theirs = own.get(compact(ours))
            if theirs is not None and theirs not in taken and ours not in self.names | dialect.constants:
                self.names[ours] = theirs

    def __contains__(self, column: str) -> bool:
        return column in self.names or column in self.dialect.constants

    def find(self, *names: str) -> str | None:
        """The file's column of one of these names, in the file's spelling."""
        keys = {compact(name) for name in names}
        return next((name for name in self.source.frame if compact(name) in keys), None)

    def column(self, column: str) -> pd.Series:
        """The values of a column as the file has them."""
        frame = self.source.frame
        if column in self.names:
            return frame[self.names[column]].rename(column)
        return pd.Series(self.dialect.constants.get(column, ""), index=frame.index, name=column, dtype=object)

    def texts(self, column: str, required: bool = True) -> pd.Series:
        """A column of normalized texts; an empty one is a problem where it is required."""
        values, problems = texts(self.column(column))
        self.problems += problems
        if required:
            self.problems += [Problem(int(row), column, MISSING) for row in values.index[values == ""]]
        return values

    def numbers(self, column: str, whole: bool = False) -> Numbers:
        """A column of numbers; a missing one is a problem."""
        read = numbers(self.column(column), self.dialect, self.source.delimiter)
        self.problems += read.problems
        rows = self.source.frame.index
        known = {problem.row for problem in read.problems}
        missing = rows[pd.isna(read.values)]
        self.problems += [Problem(int(row), column, MISSING) for row in missing if row not in known]
        if whole:
            broken = rows[~pd.isna(read.values) & (read.values % 1 != 0)]
            self.problems += [Problem(int(row), column, "not a whole number; correct the value") for row in broken]
        return read

    def ids(self, column: str) -> pd.Series:
        """A column of identifiers; numbers of the rows where the dialect says so."""
        if column not in self and self.dialect.row_ids:
            stem = self.source.name.partition(".")[0]
            return pd.Series([f"{stem}-{row}" for row in self.source.frame.index], index=self.source.frame.index)
        return self.texts(column)

    def require(self, columns: set[str], proposals: Mapping[str, str]) -> None:
        """Refuse a file that lacks columns.

        Raises:
            DataError: names them, the columns found, and the dialect line that would supply them.
        """
        missing = [column for column in self.schema.columns if column in columns and column not in self]
        if self.dialect.row_ids:
            missing = [column for column in missing if column not in ("transaction_id", "application_id")]
        if missing:
            line = proposals.get(missing[0], f"columns: {{{missing[0]}: NAME IN THE FILE}}")
            raise DataError(
                f"{self.source.name}: the column {', '.join(missing)} is missing; found "
                f"{', '.join(map(str, self.source.frame.columns))}; {propose(line)}"
            )

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame in the schema's types, numbered from 0.

        Raises:
            DataError: the first problem by row, and how many others there are.
        """
        known = {(problem.row, problem.column) for problem in self.problems}
        whole = [name for name in frame if str(self.schema.columns[name].dtype) == "int64"]
        frame = frame.fillna(dict.fromkeys(frame.select_dtypes("number"), 0)).astype(dict.fromkeys(whole, "int64"))
        schema = self.schema.select_columns([name for name in self.schema.columns if name in frame])
        try:
            schema.validate(frame, lazy=True)
        except SchemaErrors as error:
            found = _problems(error.failure_cases)
            self.problems += [problem for problem in found if (problem.row, problem.column) not in known]
        if self.problems:
            first = min(self.problems, key=lambda problem: problem.row)
            more = f" ({len(self.problems) - 1} more problems)" if len(self.problems) > 1 else ""
            raise DataError(f"{self.source.name} {first}{more}")
        return frame.reset_index(drop=True)

    def source_frame(self) -> pd.DataFrame:
        """The file's own columns; plain numbers of a text file as numbers."""
        frame = self.source.frame.copy()
        for ours, name in self.names.items():
            numeric = str(self.schema.columns[ours].dtype) in ("int64", "float64")
            if numeric and frame[name].dtype == object and frame[name].astype(str).str.fullmatch(PLAIN_NUMBER).all():
                frame[name] = pd.to_numeric(frame[name])
        return frame.reset_index(drop=True)


def _problems(cases: pd.DataFrame) -> list[Problem]:
    """pandera's failures. The frame's index holds the row numbers."""
    problems = []
    for column, check, value, row in zip(
        cases["column"], cases["check"].astype(str), cases["failure_case"], cases["index"], strict=True
    ):
        value = value.item() if hasattr(value, "item") else value
        if "unique" in check:
            what = f"{value!r} occurs more than once; keep one row for each"
        elif "nullable" in check:
            what = MISSING
        else:
            what = f"{value!r} breaks the rule {check}; correct the value"
        problems.append(Problem(int(row) if pd.notna(row) else 0, str(column), what))
    return problems
