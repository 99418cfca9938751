"""The ledger of retraining: what was asked for, what was refused and why, what was started and how it ended.

    retraining/KEY/intents/ID.json            asked for; ID is made of the model, the champion and the window
    retraining/KEY/refusals/ID/KIND.json      refused, the first time for each kind of reason
    retraining/KEY/claims/ID.json             will be started: it counts for cooldown and budget
    retraining/KEY/starts/ID.json             has been started, with the run's id
    retraining/KEY/outcomes/ID.json           succeeded, refused by the gate, or failed
    retraining/KEY/quarantine/START-END.json  a window of broken data; .released.json beside it: a person has looked at it
    retraining/KEY/data/SHA256/FILE           the file that a run was trained on

Nothing is changed once it is written, so that a process may be killed anywhere and what it did be repeated.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from nivesh.errors import DataError
from nivesh.store.objects import ObjectStore

STAMP = "%Y%m%dT%H%M%SZ"
INTENT, CLAIM, START, OUTCOME = "intents", "claims", "starts", "outcomes"


@dataclass(frozen=True)
class Intent:
    """One retraining that was asked for.

    Attributes:
        key: of the model.
        reference: the champion that it is to replace: version and digest of its bundle, "none" without one.
        champion_data: sha256 of the file that the champion was trained on.
        window_start, window_end: of the data that gave the reason; UTC, the end not included.
        reason: a sentence for people.
        requested: when, UTC.
        requested_by: who, such as ``alertmanager`` or a person's name.
        data_path: the file to train on; "" for that of the settings.
        force: a person wants it in spite of cooldown, budget and cause.
        cause: kind and sentence of ``nivesh.monitoring.cause``; empty where it is not known.
    """

    key: str
    reference: str
    window_start: datetime
    window_end: datetime
    reason: str
    requested: datetime
    champion_data: str = ""
    requested_by: str = ""
    data_path: str = ""
    force: bool = False
    cause: tuple[str, str] | tuple[()] = ()

    def __post_init__(self) -> None:
        for name in ("window_start", "window_end"):
            if getattr(self, name).tzinfo is None:
                raise DataError(f"{name} {getattr(self, name)} has no time zone; give one, such as +05:30 or Z")
        if not self.window_start < self.window_end:
            raise DataError(f"the window ends at {self.window_end}, which is not after its start, {self.window_start}")

    @property
    def id(self) -> str:
        """The same for the same model, champion and window, whoever asks and how often."""
        window = f"{stamp(self.window_start)}/{stamp(self.window_end)}"
        digest = hashlib.sha256(f"{self.key}/{self.reference}/{window}".encode()).hexdigest()
        return f"{stamp(self.window_end)}-{digest[:12]}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            name: getattr(self, name).astimezone(UTC).isoformat()
            for name in ("window_start", "window_end", "requested")
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "Intent":
        times = {name: datetime.fromisoformat(found[name]) for name in ("window_start", "window_end", "requested")}
        return cls(**found | times | {"cause": tuple(found["cause"])})


@dataclass(frozen=True)
class Quarantine:
    """A window whose data are broken; UTC, the end not included."""

    start: datetime
    end: datetime
    reason: str


class Ledger:
    """The ledger of one model, as small JSON objects of a store."""

    def __init__(self, store: ObjectStore, key: str):
        self.store, self.key, self.folder = store, key, f"retraining/{key}"

    def add(self, kind: str, name: str, content: dict[str, Any]) -> bool:
        """Write a record where there is none; returns whether this call has."""
        return self.store.create(f"{self.folder}/{kind}/{name}.json", json.dumps(content, indent=1).encode())

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """A record, or None."""
        try:
            return json.loads(self.store.read(f"{self.folder}/{kind}/{name}.json"))
        except FileNotFoundError:
            return None

    def ids(self, kind: str) -> list[str]:
        """The ids that have a record of this kind, by the end of their window."""
        prefix = f"{self.folder}/{kind}/"
        return [name.removeprefix(prefix).removesuffix(".json") for name in self.store.names(prefix)]

    def records(self, kind: str) -> dict[str, dict[str, Any]]:
        """All records of a kind by their id."""
        found = {name: self.find(kind, name) for name in self.ids(kind)}
        return {name: record for name, record in found.items() if record is not None}

    def intent(self, name: str) -> Intent:
        """The intent of an id.

        Raises:
            DataError: there is none.
        """
        if (found := self.find(INTENT, name)) is None:
            raise DataError(f"{self.key}: no retraining {name} was asked for")
        return Intent.from_dict(found)

    def refuse(self, name: str, kind: str, reason: str, time: datetime) -> None:
        """Record why a retraining is not started now. A later call may find the reason gone."""
        self.add(f"refusals/{name}", kind, {"kind": kind, "reason": reason, "time": time.isoformat()})

    def refusals(self, name: str) -> list[dict[str, Any]]:
        """Why it was refused, the oldest first."""
        return sorted(self.records(f"refusals/{name}").values(), key=lambda one: one["time"])

    def open_ids(self) -> list[str]:
        """Those that were asked for and are neither refused nor started: somebody was killed in between."""
        refused = {name.partition("/")[0] for name in self.ids("refusals")}
        claimed, started = set(self.ids(CLAIM)), set(self.ids(START))
        return [name for name in self.ids(INTENT) if name not in started and (name in claimed or name not in refused)]

    def counts(self) -> dict[str, int]:
        """How many retrainings were started and refused, and how many of the started ones succeeded or failed.

        One that the gate refused counts as refused.
        """
        ended = Counter(one["outcome"] for one in self.records(OUTCOME).values())
        started = set(self.ids(START))
        refused = {name.partition("/")[0] for name in self.ids("refusals")} - started
        return {
            "started": len(started),
            "refused": len(refused) + ended["refused"],
            "succeeded": ended["succeeded"],
            "failed": ended["failed"],
        }

    def add_quarantine(self, start: datetime, end: datetime, reason: str, time: datetime) -> None:
        """Record that the data of a window are broken."""
        content = {"start": start.isoformat(), "end": end.isoformat(), "reason": reason, "time": time.isoformat()}
        self.add("quarantine", f"{stamp(start)}-{stamp(end)}", content)

    def release_quarantine(self, start: datetime, end: datetime, reason: str, time: datetime) -> None:
        """Record that a person has looked at a window, and it may be trained on.

        Raises:
            DataError: this window is not quarantined.
        """
        name = f"{stamp(start)}-{stamp(end)}"
        if self.find("quarantine", name) is None:
            known = ", ".join(one for one in self.ids("quarantine") if not one.endswith(".released")) or "none"
            raise DataError(f"{self.key}: the window {name} is not quarantined; quarantined are: {known}")
        self.add("quarantine", f"{name}.released", {"reason": reason, "time": time.isoformat()})

    def quarantined(self) -> list[Quarantine]:
        """The windows that must not be trained on."""
        found = self.records("quarantine")
        return [
            Quarantine(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), one["reason"])
            for name, one in found.items()
            if not name.endswith(".released") and f"{name}.released" not in found
        ]


def stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime(STAMP)
