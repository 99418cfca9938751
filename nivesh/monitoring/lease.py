"""A lease on an object store: at most one process at a time does something, and one that was killed blocks nobody for long.

    lease/00000007.json     {"holder": ..., "expires": seconds since 1970, "released": false}

Every lease is a new object with the next number, made by a conditional create; the highest number is valid. That number is
the fencing token: it grows with every holder, so that a holder that slept past its time is told apart from the present one.
"""

import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from nivesh.errors import NiveshError
from nivesh.store.objects import ObjectStore

log = logging.getLogger("nivesh.monitoring.lease")
Clock = Callable[[], datetime]  # the present time in UTC
LEASE_SECONDS = 600.0  # far above the difference between the clocks of two machines


class LeaseLost(NiveshError):
    """Another process holds the lease by now: this one was away for longer than the lease lasts."""


class Lease:
    """A lease that this process holds; ``acquire`` gives it.

    Attributes:
        token: grows with every holder.
    """

    def __init__(self, store: ObjectStore, folder: str, token: int, holder: str, seconds: float, clock: Clock):
        self.store, self.folder, self.token, self.holder = store, folder, token, holder
        self.seconds, self.clock = seconds, clock
        self.expires = clock().timestamp() + seconds
        self._lock = threading.Lock()

    def check(self) -> None:
        """Make sure that the lease is still this process's.

        Raises:
            LeaseLost: it has expired, or another process has the next one.
        """
        if self.clock().timestamp() >= self.expires or _highest(self.store, self.folder) != self.token:
            raise LeaseLost(f"{self.folder}: this process was away for more than {self.seconds:.0f} s")

    def renew(self) -> None:
        """Let it last from now on.

        Raises:
            LeaseLost: it is no longer this process's.
        """
        with self._lock:
            self.check()
            expires = self.clock().timestamp() + self.seconds
            self.store.write(_name(self.folder, self.token), _content(self.holder, expires))
            self.expires = expires

    def release(self) -> None:
        """Let the next one have it; one that was lost is left alone."""
        with self._lock, contextlib.suppress(LeaseLost):
            self.check()
            self.store.write(_name(self.folder, self.token), _content(self.holder, self.expires, released=True))

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Renew it from a thread for as long as the block runs."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self.seconds / 3):
                try:
                    self.renew()
                except LeaseLost as error:
                    log.warning("%s", error)
                    return
                except NiveshError as error:  # the store is away; it may be back before the lease ends
                    log.warning("the lease could not be renewed: %s", error)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def acquire(store: ObjectStore, folder: str, clock: Clock, seconds: float = LEASE_SECONDS) -> Lease | None:
    """Take the lease; None while another process holds it.

    Args:
        folder: of its objects, such as ``retraining/credit_risk/lease``.
        seconds: how long it lasts without ``renew``.
    """
    last = _highest(store, folder)
    if last and _is_held(store, folder, last, clock):
        return None
    token, holder = last + 1, uuid.uuid4().hex
    lease = Lease(store, folder, token, holder, seconds, clock)
    if not store.create(_name(folder, token), _content(holder, lease.expires)):
        return None
    if _highest(store, folder) != token:  # this process has slept since it looked, and the number was used up meanwhile
        return None
    for name in store.names(f"{folder}/"):
        if _token(name) < token:
            store.delete(name)
    return lease


def _is_held(store: ObjectStore, folder: str, token: int, clock: Clock) -> bool:
    try:
        found = json.loads(store.read(_name(folder, token)))
    except FileNotFoundError:  # a next one was acquired since, and has removed this
        return True
    return not found["released"] and clock().timestamp() < found["expires"]


def _highest(store: ObjectStore, folder: str) -> int:
    return max((_token(name) for name in store.names(f"{folder}/")), default=0)


def _name(folder: str, token: int) -> str:
    return f"{folder}/{token:08d}.json"


def _token(name: str) -> int:
    return int(name.rpartition("/")[2].removesuffix(".json"))


def _content(holder: str, expires: float, released: bool = False) -> bytes:
    return json.dumps({"holder": holder, "expires": expires, "released": released}).encode()


def utc_now() -> datetime:
    return datetime.now(UTC)
