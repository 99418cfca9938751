"""What a check has found about a part."""

from dataclasses import dataclass
from enum import StrEnum

TIMEOUT = 3.0  # seconds in which a part must answer one request


class Status(StrEnum):
    """OK, or what to do about it: WARN soon, FAIL now. A part that no setting names is NOT_CONFIGURED."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_CONFIGURED = "not configured"


@dataclass(frozen=True)
class Finding:
    """One line about a part.

    Attributes:
        part: its name, such as "Redis".
        status: how it is.
        message: what was found, with numbers.
        remedy: the command that mends it, or the setting to correct; "" where nothing is wrong.
    """

    part: str
    status: Status
    message: str
    remedy: str = ""


def ok(part: str, message: str) -> Finding:
    return Finding(part, Status.OK, message)


def warn(part: str, message: str, remedy: str) -> Finding:
    return Finding(part, Status.WARN, message, remedy)


def fail(part: str, message: str, remedy: str) -> Finding:
    return Finding(part, Status.FAIL, message, remedy)


def not_configured(part: str, setting: str) -> Finding:
    """A part that is not used here; ``setting`` is what would name it."""
    return Finding(part, Status.NOT_CONFIGURED, f"{setting} is not set")
