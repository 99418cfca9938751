"""Transactions: bank and ledger exports in their many forms -> amount, direction and Indian time."""

import numpy as np
import pandas as pd

from nivesh.data.columns import Problem, flags, numbers, words
from nivesh.data.datasets import Rows
from nivesh.data.dialect import Dialect
from nivesh.data.source import read_table
from nivesh.data.tables import TRANSACTIONS, Table
from nivesh.data.timestamps import implausible, timestamps

DIRECTIONS = dict.fromkeys(("debit", "dr", "db", "d", "withdrawal"), "debit") | dict.fromkeys(
    ("credit", "cr", "c", "deposit"), "credit"
)
# Names that can only mean one thing, with and without "amount" behind them.
DEBIT_COLUMNS = ("debit", "withdrawal", "withdrawals", "dr")
CREDIT_COLUMNS = ("credit", "deposit", "deposits", "cr")
DIRECTION_COLUMNS = ("dr/cr", "cr/dr", "debit/credit", "credit/debit")
OPTIONAL = ("category", "merchant", "account", "city")
PROPOSALS = {
    "transaction_id": "row_ids: true",
    "user_id": "constants: {user_id: ID}",
    "category": "constants: {category: uncategorised}",
    "direction": "signs: negative_is_debit (or debit: and credit: with the names of two columns)",
    "amount": "columns: {amount: NAME IN THE FILE} (or debit: and credit: with the names of two columns)",
}


def read_transactions(content: bytes, name: str, labelled: bool, dialect: Dialect) -> Rows:
    """Transactions; the columns of ``TRANSACTIONS``, of which city, account and merchant may be missing or empty.

    Timestamps are in Indian time without a zone; ``is_anomaly`` is there only where the file has it.

    Raises:
        DataError: names the row and column that breaks a rule, and the dialect line that would read it.
    """
    del labelled  # is_anomaly may always be missing
    known = (*TRANSACTIONS.columns, *_spellings(DEBIT_COLUMNS), *_spellings(CREDIT_COLUMNS), *DIRECTION_COLUMNS)
    known += ("date", "narration", "description", "particulars", "balance", "closing balance", "value date")
    table = Table(read_table(content, name, dialect, known), dialect, TRANSACTIONS)
    frame = pd.DataFrame(index=table.source.frame.index)
    amount, direction = _amounts(table)
    required = {"transaction_id", "user_id", "timestamp", "category"}
    table.require(required, PROPOSALS | _date_proposal(table))
    frame["transaction_id"] = table.ids("transaction_id")
    frame["user_id"] = table.texts("user_id")
    times, problems = timestamps(table.column("timestamp"), dialect)
    table.problems += problems
    if not problems:
        table.problems += implausible(times)
    frame["timestamp"], frame["amount"], frame["direction"] = times, amount, direction
    for column in OPTIONAL:
        frame[column] = table.texts(column, required=column == "category")
    if "is_anomaly" in table:
        values, problems = flags(table.column("is_anomaly"))
        table.problems += problems
        if values.notna().any():  # a column without any value is none
            missing = values.index[values.isna()].difference([problem.row for problem in problems])
            table.problems += [Problem(int(row), "is_anomaly", "the label is missing; write 0 or 1") for row in missing]
            frame["is_anomaly"] = values
    if "anomaly_kind" in table:
        frame["anomaly_kind"] = table.texts("anomaly_kind", required=False)
    return Rows(table.check(frame), table.source_frame)


def _amounts(table: Table) -> tuple[np.ndarray, pd.Series]:
    """(rupees, debit or credit) of each row: from amount and direction, amounts with signs or Dr and Cr, or two columns."""
    dialect = table.dialect
    debit = table.find(dialect.debit) if dialect.debit else table.find(*_spellings(DEBIT_COLUMNS))
    credit = table.find(dialect.credit) if dialect.credit else table.find(*_spellings(CREDIT_COLUMNS))
    if debit and credit and (dialect.debit or "amount" not in table):
        return _two_columns(table, debit, credit)
    table.require({"amount"}, PROPOSALS)
    read = table.numbers("amount")
    values, side = read.values, pd.Series(read.side, index=table.source.frame.index)
    column = None if "direction" in table else table.find(*DIRECTION_COLUMNS)
    if column is not None or "direction" in table:
        given = table.column("direction") if column is None else table.source.frame[column].rename("direction")
        direction, problems = words(given, DIRECTIONS)
        known = {problem.row for problem in problems}
        table.problems += problems
        for row in direction.index[(direction == "") & (side == "")]:
            if row not in known:
                table.problems.append(Problem(int(row), "direction", "the value is missing; write debit or credit"))
        for row in direction.index[(direction != "") & (side != "") & (direction != side)]:
            table.problems.append(Problem(int(row), "direction", f"{direction[row]}, but the amount says {side[row]}"))
        return values, direction.where(direction != "", side)
    if dialect.signs:
        negative, positive = ("debit", "credit") if dialect.signs == "negative_is_debit" else ("credit", "debit")
        return np.abs(values), pd.Series(np.where(values < 0, negative, positive), index=side.index)
    if (side != "").any():
        for row in side.index[(side == "").to_numpy() & ~np.isnan(values)]:
            table.problems.append(Problem(int(row), "amount", "neither Dr nor Cr; add it as in the other rows"))
        return values, side
    table.require({"direction"}, PROPOSALS)
    raise AssertionError("require raises")


def _two_columns(table: Table, debit: str, credit: str) -> tuple[np.ndarray, pd.Series]:
    """Each row has one of the two amounts; the other is empty or 0."""
    frame, dialect = table.source.frame, table.dialect
    values = {}
    for column in (debit, credit):
        read = numbers(frame[column], dialect, table.source.delimiter)
        table.problems += read.problems
        values[column] = np.nan_to_num(read.values)
        negative = frame.index[values[column] < 0]
        table.problems += [Problem(int(row), column, "below 0; correct the value") for row in negative]
    out, into = values[debit], values[credit]
    known = {problem.row for problem in table.problems}
    for row in frame.index[(out != 0) == (into != 0)]:
        if row not in known:
            table.problems.append(Problem(int(row), f"{debit} and {credit}", "one of the two must hold an amount"))
    return np.where(out != 0, out, into), pd.Series(np.where(out != 0, "debit", "credit"), index=frame.index)


def _spellings(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}{end}" for name in names for end in ("", " amount", " amt")) + tuple(
        f"amount {name}" for name in names
    )


def _date_proposal(table: Table) -> dict[str, str]:
    """The dialect line for a file whose column of dates has another name."""
    dates = [name for name in table.source.frame if "date" in name.casefold() or "time" in name.casefold()]
    return {"timestamp": f"columns: {{timestamp: {dates[0]}}}"} if dates else {}
