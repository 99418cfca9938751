"""The verdict of a model's newest monitoring report."""

import json
from collections.abc import Callable
from datetime import datetime

from nivesh.errors import DataError
from nivesh.store.objects import ObjectStore

Verdict = tuple[datetime, datetime, tuple[str, str]]  # start and end of the window, kind and sentence of the cause


def newest_cause(store: ObjectStore) -> Callable[[str, str], Verdict | None]:
    """Gives the verdict by (model, version): on that version, or where it is not in the report on the one that served most."""

    def read(key: str, version: str) -> Verdict | None:
        names = [name for name in store.names(f"reports/{key}/") if name.endswith(".json")]
        if not names:
            return None
        try:
            report = json.loads(store.read(names[-1]))
            versions = sorted(report["versions"], key=lambda one: one["version"] != version)  # stable
            if not versions:
                return None
            found = versions[0]["cause"]
            window = datetime.fromisoformat(report["start"]), datetime.fromisoformat(report["end"])
            return *window, (found["kind"], found["sentence"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{names[-1]}: is no report of this version ({error}); run nivesh monitor run {key}"
            ) from None

    return read
