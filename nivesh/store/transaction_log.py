"""A user's streamed transactions since a checkpoint of their profile, as pure data.

A profile is a fold over transactions in event order. The log makes it exact for transactions that arrive twice, late, or
while a materialisation replaces the profile: the profile is always the checkpoint and the log's entries, folded in event
order.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

from nivesh.features.behaviour import updated
from nivesh.features.transaction import parse_transaction

Transaction = dict[str, Any]
Profile = dict[str, Any]

INDIA_OFFSET = 19_800  # seconds by which India's clock, on which profiles are kept, is ahead of UTC
MAX_ENTRIES, KEPT_ENTRIES = 500, 250  # longer logs are folded into the checkpoint, down to so many entries
# A transaction that is about so many entries late, or fewer, does not need the whole log folded again.
SNAPSHOT_ENTRIES = 16


class Snapshot(NamedTuple):
    """The profile before the first entry that is not before ``order``."""

    order: tuple[int, str]
    profile: Profile | None


class Insertion(NamedTuple):
    """The log with one more transaction, the profile before that transaction, and the one after all entries."""

    log: "TransactionLog"
    before: Profile | None
    profile: Profile | None


@dataclass(frozen=True)
class TransactionLog:
    """The state of one user.

    Attributes:
        checkpoint: the profile before the first entry; None for a user without a past.
        base_time: event time of the materialisation or write that the checkpoint comes from, seconds since 1970 UTC.
        entries: transactions after the checkpoint, in event order, each ``transaction_id`` once.
        snapshot: of the profile among the last entries.
    """

    checkpoint: Profile | None
    base_time: float
    entries: tuple[Transaction, ...] = ()
    snapshot: Snapshot | None = None

    @property
    def start(self) -> int:
        """Seconds on India's clock; transactions before it are in the checkpoint, or too late for it."""
        return last_time(self.checkpoint)

    @property
    def profile(self) -> Profile | None:
        """The profile after all entries."""
        return fold(self.checkpoint, self.entries)

    def before(self, transaction: Transaction) -> Profile | None:
        """The profile before a transaction, whether or not it is in the log."""
        order = event_order(transaction)
        start, profile = self._nearest(order)
        return fold(profile, self.entries[start : bisect_left(self.entries, order, key=event_order)])

    def insert(self, transaction: Transaction) -> Insertion:
        """Insert a transaction at its place in event order."""
        order = event_order(transaction)
        position = bisect_left(self.entries, order, key=event_order)
        entries = (*self.entries[:position], transaction, *self.entries[position:])
        start, profile = self._nearest(order)
        last = max(start, len(entries) - SNAPSHOT_ENTRIES)
        before, snapshot = profile, self.snapshot
        for place, entry in enumerate(entries[start:], start):
            if place == position:
                before = profile
            if place == last:
                snapshot = Snapshot(event_order(entry), profile)
            profile = updated(profile, entry)
        return Insertion(replace(self, entries=entries, snapshot=snapshot).compacted(), before, profile)

    def _nearest(self, order: tuple[int, str]) -> tuple[int, Profile | None]:
        """Where to begin folding for a position: the index of an entry, and the profile before it."""
        if self.snapshot is None or order < self.snapshot.order:
            return 0, self.checkpoint
        return bisect_left(self.entries, self.snapshot.order, key=event_order), self.snapshot.profile

    def compacted(self) -> "TransactionLog":
        """The same profile from a shorter log: the oldest entries are folded into the checkpoint."""
        if len(self.entries) <= MAX_ENTRIES:
            return self
        split = len(self.entries) - KEPT_ENTRIES
        return replace(self, checkpoint=fold(self.checkpoint, self.entries[:split]), entries=self.entries[split:])

    def rebased(self, base: Profile | None, base_time: float) -> "TransactionLog":
        """The log on another base: entries that the base covers go, those that are newer stay."""
        start = last_time(base)
        entries = (entry for entry in self.entries if parse_transaction(entry).event_time >= start)
        return TransactionLog(base, base_time, tuple(entries))

    def accepts(self, base: Profile, base_time: float) -> bool:
        """Whether a materialised profile may replace the checkpoint: it must not be older, nor lose an entry."""
        return base_time >= self.base_time and last_time(base) >= self.start


def event_order(transaction: Transaction) -> tuple[int, str]:
    """The order of the fold: event time, then id."""
    parsed = parse_transaction(transaction)
    return parsed.event_time, parsed.transaction_id


def fold(profile: Profile | None, transactions: Iterable[Transaction]) -> Profile | None:
    """The profile after some transactions, given in event order."""
    return reduce(updated, transactions, profile)


def last_time(profile: Profile | None) -> int:
    """Up to when transactions are folded into a profile, seconds on India's clock; those after it find their place."""
    return int(profile["last_time"]) if profile else -(2**62)


def event_time(transaction: Transaction) -> float:
    """When it happened, seconds since 1970 UTC."""
    return float(parse_transaction(transaction).event_time - INDIA_OFFSET)
