"""Reading and checking what models learn from. A dataset kind is a file format and its rules.

Every reader takes a path of the user's or of the samples that ship, and returns a checked DataFrame;
a file that breaks a rule raises DataError, which names the row and what to do.
"""

import importlib
from pathlib import Path

import pandas as pd

from nivesh.errors import DataError
from nivesh.settings import settings

# The module of each kind's reader, imported when a file is read: serving reads none, and its images have no pandera.
READERS = {"intents": "texts", "ner": "texts", "transactions": "tables", "loans": "tables", "advice": "advice"}
SAMPLES = {
    "intents": "intents.jsonl",
    "ner": "ner.jsonl",
    "transactions": "transactions.parquet",
    "loans": "loans.csv",
    "advice": "financial_advice.jsonl",
}


def sample(kind: str) -> Path:
    """The sample file of a dataset kind that ships with the project."""
    return settings().data_dir / SAMPLES[kind]


def read(kind: str, path: str | Path | None = None, labelled: bool = True) -> pd.DataFrame:
    """The checked rows of a file of this kind; the shipped sample where no path is given.

    Args:
        labelled: False for rows to be predicted, whose label may be missing and whose texts may repeat.

    Raises:
        DataError: names the file, and the row that breaks a rule, and what to do.
    """
    path = Path(path) if path else sample(kind)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{path}: {what}; give a file with rows of {kind}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; give a file with rows of {kind}")
    module = importlib.import_module(f"nivesh.data.{READERS[kind]}")
    return getattr(module, f"read_{kind}")(path, labelled)


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Store a checked frame between pipeline steps; ``read_parquet`` reads it back."""
    frame.to_parquet(path, index=False)


def read_parquet(path: str | Path) -> pd.DataFrame:
    """A frame that ``write_parquet`` stored; entities are lists of dicts again (Parquet gives arrays)."""
    frame = pd.read_parquet(path)
    if "entities" in frame:
        frame["entities"] = [[dict(span) for span in spans] for spans in frame["entities"]]
    return frame
