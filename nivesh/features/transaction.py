"""Parsing of one transaction, from a request's JSON and from a frame's columns alike."""

import hashlib
import math
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from nivesh.errors import DataError
from nivesh.text.normalization import normalize

INDIA = timezone(timedelta(hours=5, minutes=30))
EPOCH = datetime(1970, 1, 1)


class ParsedTransaction(NamedTuple):
    """A transaction as the features read it.

    Attributes:
        event_time: whole seconds since 1970-01-01T00:00 on India's clock, so that hours of the day are local hours.
        log_amount: natural logarithm of the amount in rupees.
        sign: "+" for a credit, "-" for a debit.
        category, merchant: normalised names behind their sign, so that a refund's merchant is not the purchase's.
        account, city: normalised names, "" where unknown.
        transaction_id: the id; "" where there is none.
    """

    event_time: int
    log_amount: float
    sign: str
    category: str
    merchant: str
    account: str
    city: str
    transaction_id: str


def parse_transaction(transaction: dict[str, Any]) -> ParsedTransaction:
    """Read ``timestamp`` (ISO text or datetime), ``amount`` (rupees), ``category``, ``merchant`` and, where known,
    ``direction``, ``account``, ``city`` and ``transaction_id``. Other keys are ignored.

    Raises:
        DataError: the timestamp or the amount cannot be read.
    """
    timestamp = transaction["timestamp"]
    try:
        when = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else timestamp
        if when.tzinfo is not None:
            when = when.astimezone(INDIA).replace(tzinfo=None)
        seconds = math.floor((when - EPOCH).total_seconds())
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise DataError(f"timestamp {timestamp!r} is not a date; write it as 2025-03-31T18:05:00") from None
    try:
        amount = float(transaction["amount"])
    except (ValueError, TypeError):
        amount = math.nan
    if not (math.isfinite(amount) and amount > 0):
        raise DataError(f"amount {transaction['amount']!r} must be a number above 0")
    names = ("direction", "category", "merchant", "account", "city", "transaction_id")
    return from_columns(seconds, amount, *(str(transaction.get(name) or "") for name in names))


def from_columns(
    seconds: int,
    amount: float,
    direction: str,
    category: str,
    merchant: str,
    account: str,
    city: str,
    transaction_id: str = "",
) -> ParsedTransaction:
    """A transaction from checked values: seconds since 1970 (India's clock), rupees and names as they are written."""
    sign = "+" if direction == "credit" else "-"
    return ParsedTransaction(
        seconds,
        math.log(amount),
        sign,
        sign + normalise(category),
        sign + normalise(merchant),
        normalise(account),
        normalise(city),
        transaction_id,
    )


@lru_cache(maxsize=100_000)
def normalise(name: str) -> str:
    """The form in which names are compared: normalized, without case and doubled spaces."""
    return " ".join(normalize(name).casefold().split())


def identity(transaction: ParsedTransaction) -> int:
    """A 48-bit hash of the id or, without one, of the content: the same transaction sent twice has the same identity."""
    text = transaction.transaction_id or repr(tuple(transaction))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest())
