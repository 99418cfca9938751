"""What starts the run of a retraining: this process, or a cluster. ``pipelines.retraining`` has both."""

from dataclasses import dataclass
from typing import Protocol

STARTED, REFUSED, PENDING, SUCCEEDED, FAILED = "started", "refused", "pending", "succeeded", "failed"


@dataclass(frozen=True)
class Plan:
    """A run that is to be started.

    Attributes:
        key: of the model.
        name: of the run; the same whenever this retraining is tried again.
        data_path: the file to train on; its path holds its sha256.
    """

    key: str
    name: str
    data_path: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended: succeeded (a version is registered), refused (by the gate) or failed."""

    outcome: str
    reason: str
    version: str = ""


class Starter(Protocol):
    """Where runs are started: this process, or a cluster."""

    def check(self, plan: Plan) -> None:
        """Make sure that such a run can be started here, before it is claimed.

        Raises:
            SettingsError: it cannot.
        """

    def find(self, plan: Plan) -> str | None:
        """The id of the run that was started for a plan; None where none was, or it can be continued by ``start``."""

    def start(self, plan: Plan) -> str:
        """Start a run; returns its id. A run that is done in this process returns when it has ended."""

    def outcome(self, key: str, run: str) -> Outcome | None:
        """How a run ended; None while it runs."""
