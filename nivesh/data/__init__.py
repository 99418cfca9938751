"""Reading and checking what models learn from.

``read`` takes a file of the user's, or the sample that ships, and returns checked rows; a file that breaks a rule raises
DataError, which names the row and what to do. ``read_parquet`` and ``write_parquet`` store checked rows between the
steps of a pipeline.
"""

from pathlib import Path

import pandas as pd

from nivesh.data.datasets import DATASETS, Dataset, Rows
from nivesh.data.dialect import DEFAULT, Dialect

__all__ = ["DATASETS", "DEFAULT", "Dataset", "Dialect", "Rows", "read", "read_parquet", "sample", "write_parquet"]


def sample(kind: str) -> Path:
    """The sample file of a dataset kind that ships with the project."""
    return DATASETS[kind].sample


def read(kind: str, path: str | Path | None = None, labelled: bool = True, dialect: Dialect = DEFAULT) -> pd.DataFrame:
    """The checked rows of a file of this kind; the shipped sample where no path is given.

    Args:
        kind: a key of ``DATASETS``.
        path: a file, or a pipe such as /dev/stdin.
        labelled: False for rows to be predicted, whose label may be missing and whose texts may repeat.
        dialect: what a table does differently from the project's own format.

    Raises:
        DataError: names the file, and the row that breaks a rule, and what to do.
    """
    dataset = DATASETS[kind]
    return dataset.read_rows(Path(path) if path else dataset.sample, labelled, dialect).sorted


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Store a checked frame between pipeline steps; ``read_parquet`` reads it back."""
    frame.to_parquet(path, index=False)


def read_parquet(path: str | Path) -> pd.DataFrame:
    """A frame that ``write_parquet`` stored; entities are lists of dicts again (Parquet gives arrays)."""
    frame = pd.read_parquet(path)
    if "entities" in frame:
        frame["entities"] = [[dict(span) for span in spans] for spans in frame["entities"]]
    return frame
