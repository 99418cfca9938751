"""Labels on their way to the monitoring store: those that come within a moment share a file, and each caller waits for it."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from nivesh.errors import NiveshError, Overloaded, StorageUnavailable
from nivesh.store import labels
from nivesh.store.labels import Label
from nivesh.store.objects import ObjectStore

GATHER_SECONDS = 0.3  # so that a busy server writes three files a second, not one for each request
MAX_WAITING = 1_000  # requests


@dataclass(frozen=True)
class Batch:
    """The labels of one request; ``stored`` has a result once they are in the store."""

    key: str
    labels: Sequence[Label]
    stored: Future[None] = field(default_factory=Future)


class LabelWriter:
    """A queue, and a thread that writes what is in it.

    Args:
        open_store: opens the monitoring store; called by the thread, before the first write and after a failed one.
    """

    def __init__(self, open_store: Callable[[], ObjectStore]):
        self.open_store = open_store
        self._queue: queue.Queue[Batch] = queue.Queue(MAX_WAITING)
        threading.Thread(target=self._write, name="labels-write", daemon=True).start()

    def add(self, key: str, labels: Sequence[Label]) -> Future[None]:
        """Write labels. The result comes when they are stored; a daemon thread may end before, and then no result comes.

        Raises:
            Overloaded: too many requests wait already.
        """
        batch = Batch(key, labels)
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            raise Overloaded("too many labels wait to be stored; try again in a second") from None
        return batch.stored

    def _write(self) -> None:
        store: ObjectStore | None = None
        while True:
            waiting = [self._queue.get()]
            time.sleep(GATHER_SECONDS)
            while not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            for key in dict.fromkeys(batch.key for batch in waiting):
                batches = [batch for batch in waiting if batch.key == key]
                try:
                    store = store or self.open_store()
                    labels.write(store, key, [one for batch in batches for one in batch.labels], "feedback")
                except Exception as error:  # noqa: BLE001  the thread must not end; each caller gets the error
                    store = None
                    _fail(batches, error)
                else:
                    for batch in batches:
                        batch.stored.set_result(None)


def _fail(batches: Sequence[Batch], error: Exception) -> None:
    told = error if isinstance(error, NiveshError) else StorageUnavailable(f"{type(error).__name__}: {error}")
    for batch in batches:
        batch.stored.set_exception(told)
