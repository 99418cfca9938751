"""A transaction as the fold over a user's past reads it: numbers and keys, from JSON and from frames alike."""

import math
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from nivesh.errors import DataError

INDIA = timezone(timedelta(hours=5, minutes=30))
EPOCH = datetime(1970, 1, 1)


class Moment(NamedTuple):
    """A transaction as the fold reads it: seconds since 1970, logarithm of the amount, sign, keys of names."""

    time: int
    amount: float
    sign: str
    category: str
    merchant: str
    account: str
    city: str


def moment(transaction: dict[str, Any]) -> Moment:
    """Read a transaction: ``timestamp`` (ISO text or datetime), ``amount``, ``category``, ``merchant`` and, where
    known, ``direction``, ``account`` and ``city``.

    Raises:
        DataError: the time or the amount cannot be read.
    """
    when = transaction["timestamp"]
    try:
        when = datetime.fromisoformat(when) if isinstance(when, str) else when
        if when.tzinfo is not None:
            when = when.astimezone(INDIA).replace(tzinfo=None)
        seconds = math.floor((when - EPOCH).total_seconds())
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise DataError(f"timestamp {when!r} is not a date; write it as 2025-03-31T18:05:00") from None
    amount = float(transaction["amount"])
    if not (math.isfinite(amount) and amount > 0):
        raise DataError(f"amount {transaction['amount']!r} must be a number above 0")
    names = (transaction.get(name) or "" for name in ("direction", "category", "merchant", "account", "city"))
    return keyed(seconds, amount, *names)


def keyed(seconds: int, amount: float, direction: str, category: str, merchant: str, account: str, city: str) -> Moment:
    """A moment from seconds since 1970, rupees and names; names are compared without case and doubled spaces."""
    sign = "+" if direction == "credit" else "-"
    return Moment(
        seconds, math.log(amount), sign, sign + _key(category), sign + _key(merchant), _key(account), _key(city)
    )


def _key(name: str) -> str:
    return " ".join(name.casefold().split())
