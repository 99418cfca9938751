"""Labels in a file: tables and JSON lines."""

from pathlib import Path

import pandas as pd

from nivesh.data.dialect import DEFAULT
from nivesh.data.source import read_bytes, read_table
from nivesh.data.texts import json_records
from nivesh.errors import DataError

COLUMNS = ("prediction_id", "label", "label_time")


def read_label_file(path: Path) -> pd.DataFrame:
    """The rows of a CSV, Excel, Parquet or JSON lines file with the columns prediction_id, label and label_time.

    Returns:
        Those of the columns that the file has; the index are the file's rows or lines.

    Raises:
        DataError: the file cannot be read.
    """
    content = read_bytes(path, "labels")
    if path.suffix.casefold() in (".json", ".jsonl", ".ndjson") or content.lstrip()[:1] in (b"{", b"["):
        records = [record for _, record in json_records(content, path.name)]
        frame = pd.DataFrame({name: pd.Series([one.get(name) for one in records], dtype=object) for name in COLUMNS})
        frame.index = pd.RangeIndex(1, len(frame) + 1)
        return frame.dropna(axis="columns", how="all")
    frame = read_table(content, path.name, DEFAULT, COLUMNS).frame
    frame = frame.rename(columns=lambda name: str(name).strip().casefold().replace(" ", "_"))
    if not {"prediction_id", "label"} <= set(frame):
        raise DataError(
            f"{path.name}: the columns prediction_id and label are needed; found {', '.join(map(str, frame))}"
        )
    return frame[[name for name in COLUMNS if name in frame]]
