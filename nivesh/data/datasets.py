"""The kinds of data that models learn from. A kind is one object: its reader, its sample, its labels."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from nivesh.data.dialect import DEFAULT, Dialect
from nivesh.data.source import read_bytes
from nivesh.errors import DataError
from nivesh.settings import settings


@dataclass(frozen=True)
class Rows:
    """What a reader made of a file.

    Attributes:
        checked: the columns of the dataset, in one type each; a row per row of the file, in its order.
        sort_by: the dataset's.
        read_source: see ``source``.
        notes: what a person should know of the file, such as words that are new, with their counts.
    """

    checked: pd.DataFrame
    read_source: Callable[[], pd.DataFrame]
    notes: list[str] = field(default_factory=list)
    sort_by: str = ""

    @property
    def source(self) -> pd.DataFrame:
        """The file's own columns by their own names, row by row as ``checked``."""
        return self.read_source()

    @property
    def sorted(self) -> pd.DataFrame:
        """``checked`` in the order in which models take it: by time where it has one."""
        if not self.sort_by:
            return self.checked
        return self.checked.sort_values(self.sort_by, kind="stable", ignore_index=True)


# (content of the file, its name, whether labels must be there, dialect)
Reader = Callable[[bytes, str, bool, Dialect], Rows]


@dataclass(frozen=True)
class Dataset:
    """One kind of data.

    Attributes:
        kind: intents, ner, transactions, loans or advice.
        sample_file: name of the sample that ships, in ``settings().data_dir``.
        labels: columns that only labelled rows have.
        reader: gives the reader. Its module is imported when a file is read: serving reads none, and its images have
            neither pandera nor openpyxl.
        sort_by: column by which models take the rows in order; "" keeps the file's order.
        is_table: whether a dialect applies as a whole.
        dialect_fields: of rows that are no table, the fields of a dialect that apply.
    """

    kind: str
    sample_file: str
    labels: tuple[str, ...]
    reader: Callable[[], Reader]
    sort_by: str = ""
    is_table: bool = False
    dialect_fields: tuple[str, ...] = ()

    @property
    def sample(self) -> Path:
        """The sample that ships with the project."""
        return settings().data_dir / self.sample_file

    def check_dialect(self, path: Path, dialect: Dialect) -> None:
        """Refuse what a dialect cannot say of rows of this kind.

        Raises:
            DataError: names the fields.
        """
        wrong = [] if self.is_table else sorted(dialect.model_fields_set - set(self.dialect_fields))
        if wrong:
            raise DataError(
                f"{path}: {', '.join(wrong)} of a dialect is for tables (CSV, Excel, Parquet), not for rows of {self.kind}"
                + (f", which take {', '.join(self.dialect_fields)}" if self.dialect_fields else "")
            )

    def read_rows(self, path: Path, labelled: bool = True, dialect: Dialect = DEFAULT) -> Rows:
        """The checked rows of a file beside the file's own columns.

        Raises:
            DataError: names the file, the row and column that break a rule, and what to do.
        """
        self.check_dialect(path, dialect)
        rows = self.reader()(read_bytes(path, self.kind), path.name, labelled, dialect)
        return replace(rows, sort_by=self.sort_by)


def _loans() -> Reader:
    from nivesh.data.loans import read_loans

    return read_loans


def _transactions() -> Reader:
    from nivesh.data.transactions import read_transactions

    return read_transactions


def _intents() -> Reader:
    from nivesh.data.texts import read_intents

    return read_intents


def _ner() -> Reader:
    from nivesh.data.texts import read_ner

    return read_ner


def _advice() -> Reader:
    from nivesh.data.advice import read_advice

    return read_advice


DATASETS = {
    dataset.kind: dataset
    for dataset in (
        Dataset("intents", "intents.jsonl", ("intent",), _intents, is_table=True),
        Dataset("ner", "ner.jsonl", ("entities",), _ner),
        Dataset("transactions", "transactions.parquet", ("is_anomaly",), _transactions, "timestamp", is_table=True),
        Dataset("loans", "loans.csv", ("defaulted",), _loans, is_table=True),
        Dataset("advice", "financial_advice.jsonl", ("output",), _advice, dialect_fields=("columns", "constants")),
    )
}
