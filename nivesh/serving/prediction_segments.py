"""Segments of the prediction log: JSON lines on disk, shipped to a store as Parquet files."""

import contextlib
import fcntl
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from nivesh.serving import metrics
from nivesh.store.objects import FolderStore, ObjectStore, S3Store

SEGMENT_BYTES = 4_000_000  # a larger segment is shipped before its time
COLUMNS = {
    "prediction_id": "string", "time": "timestamp", "model": "string", "version": "string", "user": "string",
    "request": "string", "features": "string", "answer": "string", "status": "int32", "error": "string",
    "latency_ms": "float32",
}  # fmt: skip

Ship = Callable[[str, Path], None]  # name of the file in the store, local Parquet file


class Segment:
    """An append-only file of rows. Its lock says that a living process still writes it."""

    def __init__(self, folder: Path, seconds: float):
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        self.path = folder / f"{name}.jsonl"
        self.file = self.path.open("ab", buffering=0)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.due, self.bytes = time.monotonic() + seconds, 0

    def append(self, line: bytes) -> None:
        """Write a row; it survives this process from here on."""
        self.file.write(line)
        self.bytes += len(line)

    def is_due(self) -> bool:
        return time.monotonic() >= self.due or self.bytes >= SEGMENT_BYTES

    def finish(self) -> None:
        """Leave the segment to the shipper."""
        self.file.close()


def ship_all(folder: Path, ship: Ship) -> int:
    """Ship every segment that no process writes, and remove it; returns how many.

    Raises:
        Exception: whatever ``ship`` raises; the segment stays.
    """
    shipped = 0
    for path in sorted(folder.glob("*.jsonl")):
        with _unwritten(path) as free:
            if free:
                for name, table in parquet_files(path):
                    local = path.with_suffix(".parquet")
                    write_parquet(table, local)
                    ship(name, local)
                    local.unlink()
                    metrics.PREDICTION_LOG_SHIPPED.inc(len(table))
                path.unlink()
                shipped += 1
    return shipped


@contextlib.contextmanager
def _unwritten(path: Path) -> Iterator[bool]:
    """Whether no process writes a segment; while the block runs, none takes it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another process has shipped it
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield path.exists()


def parquet_files(segment: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """A segment's rows by the file that they go to. A last line that was cut by a crash is counted as dropped."""
    files: dict[str, list[dict[str, Any]]] = {}
    for line in segment.read_bytes().splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            metrics.PREDICTION_LOG_DROPPED.labels(model_name="", reason="torn").inc()
            continue
        day = datetime.fromtimestamp(row["time"], UTC)
        name = f"model={row['model']}/version={row['version']}/date={day:%Y-%m-%d}/hour={day:%H}/{segment.stem}.parquet"
        files.setdefault(name, []).append(row)
    return sorted(files.items())


def write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    """Rows as a Parquet file with ``COLUMNS``; nested values are JSON."""
    import pyarrow
    import pyarrow.parquet

    types = {
        "string": pyarrow.string(),
        "timestamp": pyarrow.timestamp("us", "UTC"),
        "int32": pyarrow.int32(),
        "float32": pyarrow.float32(),
    }
    columns = {}
    for name, kind in COLUMNS.items():
        values: list[Any] = [row.get(name) for row in rows]
        if kind == "timestamp":
            values = [int(value * 1e6) for value in values]
        elif kind == "string":
            values = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
        columns[name] = pyarrow.array(values, types[kind])
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="zstd")


def to_folder(folder: Path) -> Ship:
    """A store that is a folder of this machine."""
    return _to_store(FolderStore(folder))


def to_s3(store: str) -> Ship:
    """A store such as ``s3://predictions/nivesh``; endpoint and credentials as boto3 finds them."""
    return _to_store(S3Store(store))


def _to_store(store: ObjectStore) -> Ship:
    return lambda name, local: store.write(name, local.read_bytes())


def waiting_bytes(folder: Path) -> int:
    """Bytes of the segments on disk."""
    return sum(size for size, _ in _stats(folder))


def oldest_seconds(folder: Path) -> float:
    """Age of the segment that was written to the longest time ago, 0 without any."""
    times = [written for _, written in _stats(folder)]
    return max(0.0, time.time() - min(times)) if times else 0.0


def _stats(folder: Path) -> Iterator[tuple[int, float]]:
    """(bytes, time of the last write) of each segment; another process may remove one meanwhile."""
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            yield stat.st_size, stat.st_mtime
