"""What a caller can ask of a rollout."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServeFirst:
    """Make ``version`` the stable one where nothing is served yet; ``uri`` is its bundle's storageUri."""

    version: str
    uri: str


@dataclass(frozen=True)
class Deploy:
    """Start ``version`` as a canary with ``percent`` of the requests; ``force`` allows one that was undone."""

    version: str
    percent: int
    force: bool = False


@dataclass(frozen=True)
class SetTraffic:
    """Change the canary's share of the requests to ``percent``."""

    percent: int


@dataclass(frozen=True)
class Promote:
    """Make the canary the stable version; ``version`` is the expected canary, where known."""

    version: str = ""


@dataclass(frozen=True)
class Rollback:
    """Take the canary out of the traffic, then remove it; ``version`` is the expected canary, where known."""

    reason: str
    version: str = ""


@dataclass(frozen=True)
class Undo:
    """Serve ``to`` in place of the stable version; without it the version that the stable one replaced.

    ``version`` is the stable version to be undone, where known.
    """

    reason: str
    to: str = ""
    version: str = ""


Command = ServeFirst | Deploy | SetTraffic | Promote | Rollback | Undo
