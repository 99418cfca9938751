"""The options of all verbs that read a table of the user's."""

from pathlib import Path
from typing import Annotated, NamedTuple

from typer import Option

DialectFile = Annotated[
    Path | None,
    Option("--dialect", help="YAML file: how a table differs from our format (column names, date format, units)"),
]
Percent = Annotated[list[str], Option("--percent", metavar="COLUMN", help="a column that is in per cent; repeatable")]
Transactions = Annotated[
    str,
    Option(
        "--transactions",
        help="credit_risk: file of the applicants' transactions, from which their features are made as online",
    ),
]
TransactionsDialect = Annotated[
    Path | None,
    Option("--transactions-dialect", help="YAML file: how the file of transactions differs from our format"),
]


class Past(NamedTuple):
    """The users' transactions, from which a training makes features: a file, and its dialect as YAML."""

    path: str = ""
    dialect: str = ""


def past(path: str, dialect: Path | None) -> Past:
    """The options ``Transactions`` and ``TransactionsDialect``.

    Raises:
        SettingsError: a dialect without a file.
    """
    from nivesh.data import dialect as dialects
    from nivesh.errors import SettingsError

    if dialect and not path:
        raise SettingsError("--transactions-dialect: give the file too, with --transactions")
    return Past(path, dialects.load(dialect, []).yaml())
