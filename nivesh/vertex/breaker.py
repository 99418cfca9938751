"""A circuit breaker for calls from many threads.

pybreaker holds its lock while a call runs, so that one slow answer would hold up all others; hence this small one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nivesh.errors import VertexRefused, VertexUnavailable

FAILURES = 5  # in a row
REST = 30.0  # seconds


class Breaker:
    """After ``FAILURES`` outages in a row calls are refused for ``REST`` seconds; then one call tries first."""

    def __init__(self):
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call of the guarded service: what it raises as VertexUnavailable is an outage, other errors are not.

        Raises:
            VertexUnavailable: the service rests; it was not called.
        """
        with self._lock:
            now = time.monotonic()
            if self._failures >= FAILURES:
                if now < self._closed_until:
                    raise VertexUnavailable(
                        f"Vertex AI failed {self._failures} times in a row and is left alone for a while"
                    )
                self._closed_until = now + REST  # the others wait for what this one finds
        try:
            yield
        except VertexUnavailable:
            with self._lock:
                self._failures += 1
                self._closed_until = time.monotonic() + REST
            raise
        except VertexRefused:  # who says no is there
            self._works()
            raise
        self._works()

    def _works(self) -> None:
        with self._lock:
            self._failures = 0
