"""A circuit breaker for calls to one remote service from many threads.

pybreaker holds its lock while a call runs, so that one slow answer holds up all other threads; hence this small one.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class CircuitBreaker:
    """Refuses calls to a service after consecutive outages, until a probe finds it working.

    Closed: all calls pass; an outage is counted, any other outcome sets the count to 0. Open, after ``max_failures``
    outages in a row: calls are refused for ``reset_seconds``. Half-open, after that: one call passes as a probe while
    the others are still refused; its success closes the circuit, its outage opens it again.

    Args:
        service: name of the service, for messages.
        outage: exceptions that mean that the service did not answer. Other exceptions are answers of a working service.
        unavailable: exception to raise where a call is refused.
        max_failures: consecutive outages that open the circuit.
        reset_seconds: seconds from the last outage to the probe.
    """

    def __init__(
        self,
        service: str,
        outage: type[Exception],
        unavailable: type[Exception],
        max_failures: int,
        reset_seconds: float,
    ):
        self.service, self.outage, self.unavailable = service, outage, unavailable
        self.max_failures, self.reset_seconds = max_failures, reset_seconds
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run a call of the service in this context.

        Raises:
            Exception: of the type ``unavailable``, where the circuit is open; the call was not made.
        """
        with self._lock:
            if self._failures >= self.max_failures:
                now = time.monotonic()
                if now < self._probe_at:
                    raise self.unavailable(
                        f"{self.service} failed {self._failures} times in a row; "
                        f"it is called again in {self._probe_at - now:.1f} s"
                    )
                # This call is the probe. Should it never end, another one may probe after the same time.
                self._probe_at = now + self.reset_seconds
        try:
            yield
        except self.outage:
            with self._lock:
                self._failures += 1
                self._probe_at = time.monotonic() + self.reset_seconds
            raise
        except Exception:
            self.reset()
            raise
        self.reset()

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        with self._lock:
            return self._failures >= self.max_failures and time.monotonic() < self._probe_at

    def reset(self) -> None:
        """Close the circuit."""
        with self._lock:
            self._failures = 0
