"""The verdict of a model's newest monitoring report."""

from collections.abc import Callable
from datetime import datetime

from nivesh.monitoring import window_report
from nivesh.store.objects import ObjectStore

Verdict = tuple[datetime, datetime, tuple[str, str]]  # start and end of the window, kind and sentence of the cause


def newest_cause(store: ObjectStore) -> Callable[[str, str], Verdict | None]:
    """Gives the verdict by (model, version): on that version, or where it is not in the report on the one that served most."""

    def read(key: str, version: str) -> Verdict | None:
        report = window_report.newest(store, key)
        if report is None or not report.versions:
            return None
        found = next((one for one in report.versions if one.version == version), report.versions[0]).cause
        return report.start, report.end, (found.kind, found.sentence)

    return read
