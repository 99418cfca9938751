"""What may be wished of a rollout, and what may be the next thing to do about it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Start:
    """Make the first version the stable one, where nothing is served yet; ``uri`` is its bundle's address."""

    version: str
    uri: str


@dataclass(frozen=True)
class Deploy:
    """Bring a version up beside the stable one, and give it a share of the requests."""

    version: str
    percent: int


@dataclass(frozen=True)
class Traffic:
    """Give the canary another share of the requests."""

    percent: int


@dataclass(frozen=True)
class Promote:
    """Make the canary the stable version; ``version`` is the canary that was meant, where that is known."""

    version: str = ""


@dataclass(frozen=True)
class Rollback:
    """Take the canary out of the traffic, then away; ``version`` as above."""

    reason: str
    version: str = ""


Wish = Start | Deploy | Traffic | Promote | Rollback


@dataclass(frozen=True)
class Patch:
    """Merge ``body`` into the InferenceService, and record why as an event and as a tag of the version."""

    body: dict[str, Any]
    event: str
    message: str
    version: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing to do before the cluster shows this."""

    what: str


@dataclass(frozen=True)
class Done:
    """The wish is fulfilled."""

    message: str


@dataclass(frozen=True)
class Refused:
    """The wish does not fit what runs; nothing was changed."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The canary cannot start; the stable version serves on."""

    reason: str
    version: str


Action = Patch | Wait | Done | Refused | Failed
