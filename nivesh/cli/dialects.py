"""The options of all verbs that read a table of the user's."""

from pathlib import Path
from typing import Annotated

from typer import Option

DialectFile = Annotated[
    Path | None,
    Option("--dialect", help="YAML file: how a table differs from our format (column names, date format, units)"),
]
Percent = Annotated[list[str], Option("--percent", metavar="COLUMN", help="a column that is in per cent; repeatable")]
