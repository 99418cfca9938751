"""What a decision can result in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Patch:
    """Merge ``body`` into the InferenceService.

    ``event`` and ``message`` are recorded as a Kubernetes event; ``tag``, if any, on ``version`` in MLflow.
    """

    body: dict[str, Any]
    event: str
    message: str
    version: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing to do until the cluster reaches ``condition``."""

    condition: str


@dataclass(frozen=True)
class Done:
    """The command is completed."""

    message: str


@dataclass(frozen=True)
class Refused:
    """The command does not apply to the present state; nothing was changed."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The canary cannot start; the stable version keeps serving."""

    reason: str
    version: str


Action = Patch | Wait | Done | Refused | Failed
