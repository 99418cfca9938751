"""Loan applications: words in one spelling, shares in declared units."""

from collections import Counter

import numpy as np
import pandas as pd

from nivesh.data.columns import Problem, each_once, flags
from nivesh.data.datasets import Rows
from nivesh.data.dialect import Dialect, propose
from nivesh.data.source import read_table
from nivesh.data.tables import EMPLOYMENT_TYPES, GENDERS, LOANS, Table
from nivesh.data.timestamps import implausible, timestamps
from nivesh.errors import DataError
from nivesh.text.normalization import category_name

# Shares, and the largest value that is taken for a fraction where the unit is not declared: nobody's income is steadier
# than 1; EMIs of twice the income or a card used at twice its limit are far more likely 2 per cent and more.
MAX_FRACTION = {"income_stability": 1.0, "debt_to_income": 2.0, "credit_utilization": 2.0}
PERCENTAGE = "on_time_payment_pct"
WORDS = {"gender": GENDERS, "employment_type": EMPLOYMENT_TYPES}
WHOLE = ("age", "existing_loan_count", "loan_tenure_months")


def read_loans(content: bytes, name: str, labelled: bool, dialect: Dialect) -> Rows:
    """Loan applications; the columns of ``LOANS``, ``defaulted`` only where labelled, ``applied_at`` where the file has it.

    Raises:
        DataError: names the row and column that breaks a rule, or whose unit is not declared.
    """
    table = Table(read_table(content, name, dialect, tuple(LOANS.columns)), dialect, LOANS)
    columns = [column for column in LOANS.columns if column != "applied_at" and (labelled or column != "defaulted")]
    table.require(set(columns), {"application_id": "row_ids: true", "user_id": "constants: {user_id: ID}"})
    units = {*MAX_FRACTION, PERCENTAGE}
    if wrong := {*dialect.percent, *dialect.fraction} - units:
        raise DataError(
            f"{name}: {', '.join(sorted(wrong))} has no unit to declare; these have: {', '.join(sorted(units))}"
        )
    frame = pd.DataFrame(index=table.source.frame.index)
    for column in columns:
        if column in ("gender", "region", "employment_type"):
            frame[column] = each_once(table.texts(column), category_name)
        elif column == "application_id":
            frame[column] = table.ids(column)
        elif column == "user_id":
            frame[column] = table.texts(column)
        elif column in units:
            frame[column] = _share(table, column)
        elif column == "defaulted":
            frame[column] = _label(table, column)
        else:
            frame[column] = table.numbers(column, whole=column in WHOLE).values
    if "applied_at" in table:
        times, problems = timestamps(table.column("applied_at"), dialect)
        table.problems += problems or implausible(times)
        frame["applied_at"] = times
    return Rows(table.check(frame), table.source_frame, notes(frame))


def notes(frame: pd.DataFrame) -> list[str]:
    """The words of closed lists that the samples do not use, with their counts."""
    found = []
    for column, known in WORDS.items():
        counts = Counter(word for word in frame[column] if word not in known)
        if counts:
            words = ", ".join(f"{word} ({count} rows)" for word, count in counts.most_common())
            found.append(f"{column}: words of its own, kept as categories: {words}")
    return found


def _share(table: Table, column: str) -> np.ndarray:
    """A share as a fraction, on_time_payment_pct as a percentage. The unit is that of the value's own per cent sign,
    else of the header's, else declared; a value that may be meant in either unit is a problem."""
    read, dialect = table.numbers(column), table.dialect
    header = table.names.get(column, "").rstrip(" )]")
    percent = read.percent | (column in dialect.percent) | header.endswith("%")
    declared = percent | (column in dialect.fraction)
    values = read.values
    if column == PERCENTAGE:
        ambiguous = ~declared & (values > 0) & (values <= 1)
        values = np.where(declared & ~percent, 100 * values, values)
    else:
        ambiguous = ~declared & (values > MAX_FRACTION[column])
        values = np.where(percent, values / 100, values)
    for row, value in zip(table.source.frame.index[ambiguous], values[ambiguous], strict=True):
        line = propose(f"percent: [{column}] or fraction: [{column}]")
        text = f"{value:g} may be per cent or a fraction; give --percent {column}, or {line}"
        table.problems.append(Problem(int(row), column, text))
    return np.where(ambiguous, 0.0, values)


def _label(table: Table, column: str) -> pd.Series:
    values, problems = flags(table.column(column))
    known = {problem.row for problem in problems}
    missing = [row for row in values.index[values.isna()] if row not in known]
    table.problems += problems + [
        Problem(int(row), column, "the outcome is missing; fill it in or drop the row") for row in missing
    ]
    return values
