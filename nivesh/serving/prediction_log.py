"""A row for every prediction, for monitoring: written beside the request path, kept on disk, shipped as Parquet.

    request -> bounded queue -> segment (JSON lines, append only) -> Parquet file in the log's store

The store is a folder (NIVESH_HOME/predictions on one machine) or S3 (NIVESH_PREDICTION_STORE). Files are partitioned and named
after their segment, so that shipping a segment twice overwrites it:

    model=credit_risk/version=1.4.0/date=2026-01-31/hour=05/<segment>.parquet

A request never waits for any of it: what the queue or the disk has no room for is dropped and counted. The segments of a
process that was killed are shipped by the next one with the same folder.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from nivesh.serving import metrics
from nivesh.serving.prediction_segments import Segment, Ship, oldest_seconds, ship_all, waiting_bytes

log = logging.getLogger("nivesh.serving.prediction_log")

MAX_QUEUED = 5_000  # rows
MAX_ROW_BYTES = 8_000  # a larger row is dropped: 5,000 of these are 40 MB, so that the log stays below 64 MiB
SEGMENT_SECONDS = 60.0  # age at which a segment is shipped
MAX_DISK_BYTES = 128_000_000  # of segments that wait for a store that is away; half of a pod's /tmp
MAX_PAUSE_SECONDS = 60.0  # between two tries to ship
CLOSE_SECONDS = 10.0  # for the last segments when the process ends


@dataclass(frozen=True)
class Row:
    """One prediction, as it is logged.

    Attributes:
        prediction_id: also in the response, so that a label can name it later.
        time: seconds since 1970, UTC.
        model, version: as in the metrics.
        user: pseudonym of the user, "" for none.
        request, features, answer: JSON objects; None where there is none or it is not to be kept.
        status: of HTTP.
        error: kind of error, "" for none.
        latency_ms: milliseconds.
        has_texts: the request and the answer hold people's texts; not a column of the store.
    """

    prediction_id: str
    time: float
    model: str
    version: str
    user: str
    request: dict[str, Any] | None
    features: dict[str, Any] | None
    answer: Any
    status: int
    error: str
    latency_ms: float
    has_texts: bool = False


class PredictionLog:
    """A queue, a thread that writes segments, and a thread that ships them.

    Args:
        folder: for the segments; several processes may share it.
        ship: puts a Parquet file into the store, and raises where the store is away.
        prepare: changes a row before it is written, such as masking personal data; runs beside the requests.
        segment_seconds: age at which a segment is shipped.
    """

    def __init__(
        self,
        folder: Path,
        ship: Ship,
        prepare: Callable[[Row], Row] = lambda row: row,
        segment_seconds: float = SEGMENT_SECONDS,
    ):
        self.folder, self.ship, self.prepare, self.segment_seconds = folder, ship, prepare, segment_seconds
        folder.mkdir(parents=True, exist_ok=True)
        self._queue: queue.Queue[Row | None] = queue.Queue(MAX_QUEUED)
        self._closed = threading.Event()
        self._segment: Segment | None = None
        self._writer = threading.Thread(target=self._write, name="prediction-log-write", daemon=True)
        self._shipper = threading.Thread(target=self._ship_until_closed, name="prediction-log-ship", daemon=True)
        self._writer.start()
        self._shipper.start()

    def put(self, row: Row) -> None:
        """Log a row, or drop and count it; returns at once."""
        try:
            self._queue.put_nowait(row)
        except queue.Full:
            _dropped(row, "queue_full")

    def close(self) -> None:
        """Write what is queued and ship it, within ``CLOSE_SECONDS``; what the store does not take stays on disk."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=CLOSE_SECONDS)
        self._writer.join(CLOSE_SECONDS)
        self._shipper.join(CLOSE_SECONDS)

    def _write(self) -> None:
        while True:
            timeout = 1.0 if self._segment is None else max(0.0, min(1.0, self._segment.due - time.monotonic()))
            with contextlib.suppress(queue.Empty):
                row = self._queue.get(timeout=timeout)
                if row is None:
                    break
                self._append(row)
            self._finish(only_due=True)
            metrics.PREDICTION_LOG_QUEUED.set(self._queue.qsize())
        self._finish(only_due=False)

    def _append(self, row: Row) -> None:
        line = orjson.dumps(self.prepare(row), default=str, option=orjson.OPT_APPEND_NEWLINE)
        if len(line) > MAX_ROW_BYTES:
            _dropped(row, "row_too_large")
            return
        try:
            if self._segment is None:
                if waiting_bytes(self.folder) > MAX_DISK_BYTES:
                    _dropped(row, "disk_full")
                    return
                self._segment = Segment(self.folder, self.segment_seconds)
            self._segment.append(line)
        except OSError:
            _dropped(row, "disk_error")

    def _finish(self, only_due: bool) -> None:
        if self._segment is not None and (self._segment.is_due() or not only_due):
            self._segment.finish()
            self._segment = None

    def _ship_until_closed(self) -> None:
        pause, last = 1.0, False
        while not last:
            last = self._closed.wait(pause)
            if last:
                self._writer.join(CLOSE_SECONDS)
            try:
                ship_all(self.folder, self.ship)
                pause = 1.0
            except Exception as error:  # noqa: BLE001  the store may fail in any way, and must not end the thread
                log.warning("predictions wait on disk: %s: %s", type(error).__name__, error)
                metrics.PREDICTION_LOG_FAILURES.inc()
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            metrics.PREDICTION_LOG_WAITING.set(oldest_seconds(self.folder))


def _dropped(row: Row, reason: str) -> None:
    metrics.PREDICTION_LOG_DROPPED.labels(model_name=row.model, reason=reason).inc()
