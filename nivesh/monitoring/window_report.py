"""The result of a monitoring run, and where it is kept.

    reports/<key>/<end of the window>.json   what the exporter, ``nivesh monitor status`` and people read
    reports/<key>/<end of the window>.html   Evidently's page of the version that most requests went to
    reports/<key>/<end of the window>.png    its drift scores

in the monitoring store. A run of the same window overwrites its report.
"""

import contextlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from nivesh.errors import DataError
from nivesh.monitoring.cause import Cause, Quality
from nivesh.monitoring.drift import ColumnDrift
from nivesh.store.objects import ObjectStore

PAGES = ("html", "png")
TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class VersionReport:
    """One version of a model in a window.

    Attributes:
        version: as in the registry.
        rows: its predictions.
        failed: those that ended in an error of the server.
        drift: every monitored column against the reference rows of its bundle, the strongest first.
        quality: its primary metric by labels, by estimate, or both; empty where there is neither.
        cause: the verdict.
        note: why something was not compared, "" for nothing.
    """

    version: str
    rows: int
    failed: int
    drift: list[ColumnDrift]
    quality: list[Quality]
    cause: Cause
    note: str = ""


@dataclass(frozen=True)
class WindowReport:
    """A model in a window.

    Attributes:
        key: of the model.
        start, end: of the window, UTC; the end is not part of it.
        created: when the run ended, UTC.
        versions: those that were served in it, the one with most predictions first.
        retraining: what ``trigger_retraining_job`` said; None where it was not called.
    """

    key: str
    start: datetime
    end: datetime
    created: datetime
    versions: list[VersionReport]
    retraining: dict[str, Any] | None = field(default=None)

    @property
    def sentence(self) -> str:
        """The verdict on the version with most predictions."""
        return self.versions[0].cause.sentence if self.versions else "no predictions in this window"

    @property
    def kind(self) -> str:
        """The cause's kind, of the version with most predictions."""
        return self.versions[0].cause.kind if self.versions else "none"


_SCHEMA = TypeAdapter(WindowReport)


def save(store: ObjectStore, report: WindowReport, pages: dict[str, bytes]) -> str:
    """Write a report, its pages (by suffix, such as html) first; returns the name of the JSON."""
    name = _name(report.key, report.end)
    for suffix, content in pages.items():
        store.write(f"{name}.{suffix}", content)
    text = json.dumps(asdict(report), default=_json, ensure_ascii=False, allow_nan=False, indent=1)
    store.write(f"{name}.json", text.encode())
    return f"{name}.json"


def require_newest(store: ObjectStore, key: str) -> WindowReport:
    """As ``newest``.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    found = newest(store, key)
    if found is None:
        raise DataError(f"there is no report of {key}; make one: nivesh monitor run {key}")
    return found


def write_pages(store: ObjectStore, report: WindowReport, folder: Path) -> list[Path]:
    """Copy the page and the picture of a report into a folder; those that the report has."""
    folder.mkdir(parents=True, exist_ok=True)
    name, written = _name(report.key, report.end), []
    for suffix in PAGES:
        with contextlib.suppress(FileNotFoundError):
            content = store.read(f"{name}.{suffix}")
            path = folder / f"{report.key}.{suffix}"
            path.write_bytes(content)
            written.append(path)
    return written


def newest(store: ObjectStore, key: str) -> WindowReport | None:
    """The report with the latest end; None where there is none.

    Raises:
        DataError: it cannot be read.
    """
    names = [name for name in store.names(f"reports/{key}/") if name.endswith(".json")]
    return read(store, names[-1]) if names else None


def read(store: ObjectStore, name: str) -> WindowReport:
    """The report of a name that ``save`` returned.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return _SCHEMA.validate_json(store.read(name))
    except (ValueError, FileNotFoundError) as error:
        raise DataError(f"{name}: is no report of this version ({error}); run nivesh monitor run again") from None


def _name(key: str, end: datetime) -> str:
    return f"reports/{key}/{end.astimezone(UTC).strftime(TIME)}"


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
