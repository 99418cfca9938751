"""Times in options."""

from datetime import datetime


def parse_time(option: str, text: str) -> datetime | None:
    """A time of an option, in UTC, which is meant where it names no zone; None where it is empty.

    Raises:
        DataError: it is no time; the message names the option.
    """
    from nivesh.errors import DataError
    from nivesh.monitoring.prediction_reader import in_utc

    try:
        return in_utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        raise DataError(
            f"{option} {text!r} is no time; give one such as 2026-01-24 or 2026-01-24T05:00+05:30"
        ) from None
