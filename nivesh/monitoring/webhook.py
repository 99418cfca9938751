"""Alertmanager's receiver: alerts about models become retrainings, each once.

A request is answered with 202 when its intents are in the ledger, so that none is lost whatever happens then; with 503 where
they could not be written, so that Alertmanager sends it again. A thread starts what was recorded, also what a process that was
killed has left. Several replicas can run at once.
"""

import contextlib
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nivesh import models
from nivesh.errors import MalformedRequest, ModelNotFound, NiveshError, RequestTooLarge, Unauthorized
from nivesh.monitoring import alertmanager, retraining
from nivesh.monitoring.alertmanager import ModelAlert
from nivesh.monitoring.lease import LEASE_SECONDS, Clock, utc_now
from nivesh.monitoring.retraining_ledger import Intent, Ledger
from nivesh.monitoring.starter import PENDING, Starter
from nivesh.settings import settings
from nivesh.store.objects import ObjectStore

log = logging.getLogger("nivesh.monitoring.webhook")

PATH = "/alerts"
RETRY_SECONDS = 30.0  # until what another process is at, or an outage stopped, is looked at again
SCAN_SECONDS = 300.0  # between two looks for what killed replicas have left
OLDEST_REPORT = timedelta(days=35)  # an alert is about the newest report, unless monitoring has stopped
CauseOf = Callable[[str, str], tuple[datetime, datetime, tuple[str, str]] | None]  # (model, version) -> window, cause


class Receiver:
    """Records intents, and starts them from a thread.

    Args:
        store: of the ledgers.
        starter: starts runs.
        cause_of: window and cause of the newest monitoring report of a model's version; None where there is none.
    """

    def __init__(
        self,
        store: ObjectStore,
        starter: Starter,
        cause_of: CauseOf,
        clock: Clock = utc_now,
        lease_seconds: float = LEASE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ):
        self.store, self.starter, self.cause_of, self.clock = store, starter, cause_of, clock
        self.lease_seconds, self.retry_seconds = lease_seconds, retry_seconds
        self._due: dict[tuple[str, str], float] = {}  # (model, id) -> monotonic time at which it is to be started
        self._newest: dict[
            tuple[str, str], Intent
        ] = {}  # as last asked for: the cause may be another than the first time
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="retraining", daemon=True)

    def record(self, alert: ModelAlert) -> dict[str, Any]:
        """Write the intent of an alert, once; the thread starts it.

        Returns:
            ``model``, and ``id`` of the retraining or ``error``, where there is no such model.

        Raises:
            StorageUnavailable, RegistryError: nothing was recorded.
        """
        try:
            key = models.get(alert.model).key
        except ModelNotFound as error:
            name = hashlib.sha256(alert.model.encode()).hexdigest()[:16]
            known = {"model": alert.model, "reason": alert.reason, "time": self.clock().isoformat()}
            self.store.create(f"retraining/_unknown/{name}.json", orjson.dumps(known))
            return {"model": alert.model, "error": str(error)}
        found = self.cause_of(key, alert.version)
        if found is None or found[1] < alert.started - OLDEST_REPORT:
            start, end = alertmanager.window_of(alert)
            cause = ("unknown", f"there is no monitoring report of {key} that says why; run nivesh monitor run {key}")
        else:
            start, end, cause = found
        reference, champion_data = retraining.champion(key)
        intent = Intent(
            key,
            reference,
            start,
            end,
            alert.reason,
            self.clock(),
            champion_data,
            requested_by="alertmanager",
            cause=cause,
        )
        retraining.record_intent(Ledger(self.store, key), intent)
        self._newest[key, intent.id] = intent
        self._put(key, intent.id, 0.0)
        return {"model": key, "id": intent.id, "cause": cause[0]}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let the thread run for as long as the block does; what it has in hand is finished by the next process."""
        self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify()
            self._thread.join(1.0)

    def _put(self, key: str, name: str, delay: float) -> None:
        with self._changed:
            self._due[key, name] = min(time.monotonic() + delay, self._due.get((key, name), float("inf")))
            self._changed.notify()

    def _work(self) -> None:
        scanned = float("-inf")
        while True:
            if time.monotonic() - scanned >= SCAN_SECONDS:
                scanned = time.monotonic()
                self._scan()
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                ready = [item for item, due in self._due.items() if due <= now]
                if not ready:
                    wait = min(self._due.values(), default=scanned + SCAN_SECONDS) - now
                    self._changed.wait(max(0.0, min(wait, scanned + SCAN_SECONDS - now)))
                    continue
                del self._due[ready[0]]
            self._start(*ready[0])

    def _scan(self) -> None:
        """Take up what was recorded and not started."""
        for key in models.keys():
            try:
                for name in Ledger(self.store, key).open_ids():
                    self._put(key, name, 0.0)
            except NiveshError as error:
                log.warning("%s: %s", key, error)

    def _start(self, key: str, name: str) -> None:
        try:
            ledger = Ledger(self.store, key)
            intent = self._newest.get((key, name)) or ledger.intent(name)
            found = retraining.start_intent(ledger, intent, self.starter, self.clock, self.lease_seconds)
        except Exception as error:  # noqa: BLE001  whatever failed may work later, and must not end the thread
            log.warning("%s: retraining %s waits: %s: %s", key, name, type(error).__name__, error)
            self._put(key, name, self.retry_seconds)
            return
        if found["outcome"] == PENDING:
            self._put(key, name, self.retry_seconds)
        else:
            self._newest.pop((key, name), None)
            log.info("%s: retraining %s %s: %s", key, name, found["outcome"], found["reason"])


def create_app(receiver: Receiver, token: str) -> Starlette:
    """The application: ``POST /alerts`` for Alertmanager, ``GET /health`` for the kubelet.

    Args:
        receiver: takes the alerts.
        token: requests need the header ``Authorization: Bearer TOKEN``.
    """

    async def receive(request: Request) -> Response:
        try:
            _authorize(request.headers.get("authorization", ""), token)
            found = alertmanager.parse(await _body(request))
            results = await run_in_threadpool(lambda: [receiver.record(alert) for alert in found])
        except (Unauthorized, MalformedRequest, RequestTooLarge) as error:
            return _answer(REFUSALS[type(error)], {"error": str(error)})
        except Exception as error:  # noqa: BLE001  Alertmanager sends again what is answered with 503
            log.warning("alerts could not be recorded: %s: %s", type(error).__name__, error)
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": f"not recorded, send it again: {error}"})
        unknown = [one for one in results if "error" in one]
        status = HTTPStatus.UNPROCESSABLE_ENTITY if results and len(unknown) == len(results) else HTTPStatus.ACCEPTED
        return _answer(status, {"retrainings": results})

    async def health(request: Request) -> Response:
        return _answer(HTTPStatus.OK, {"status": "ok"})

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with receiver.running():
            yield

    routes = [Route(PATH, receive, methods=["POST"]), Route("/health", health)]
    return Starlette(routes=routes, lifespan=lifespan)


REFUSALS = {
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


def _authorize(header: str, token: str) -> None:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Unauthorized("send the header Authorization: Bearer with NIVESH_WEBHOOK_TOKEN")


async def _body(request: Request) -> bytes:
    limit, parts, size = settings().max_body_bytes, [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise RequestTooLarge(f"the body has more than {limit} bytes (NIVESH_MAX_BODY_BYTES)")
    return b"".join(parts)


def _answer(status: HTTPStatus, content: Any) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
