"""What a request must pass before a model sees it: its key, its client's rate, its size."""

import hmac
import json
from http import HTTPStatus

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nivesh.settings import settings

# Probes and Prometheus have no key and must not be counted.
OPEN = ("/", "/health", "/metrics", "/v2/health/live", "/v2/health/ready")


class RequestGuard:
    """Pure ASGI middleware: 401 without the API key, 429 over the rate, 413 over the size."""

    def __init__(self, app: ASGIApp):
        self.app, self.settings = app, settings()
        self.rate = RateLimitItemPerMinute(self.settings.rate_limit) if self.settings.rate_limit else None
        self.limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        key = headers.get(b"x-api-key", b"")
        if self.settings.api_key and not hmac.compare_digest(key, self.settings.api_key.encode()):
            await _refuse(send, HTTPStatus.UNAUTHORIZED, "give the API key in the header X-API-Key")
            return
        client = scope["client"][0] if scope.get("client") else "unknown"
        if self.rate and not self.limiter.hit(self.rate, client):
            message = f"more than {self.settings.rate_limit} requests a minute; wait a little"
            await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, message, (b"retry-after", b"60"))
            return
        most = self.settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        body = await _read(receive, most) if not length.isdigit() or int(length) <= most else None
        if body is None:
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {most} bytes; send less")
            return
        await self.app(scope, _replay(body, receive), send)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None as soon as it is longer than ``most``: a length header may be missing or lie."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read already, then what follows."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: HTTPStatus, message: str, *headers: tuple[bytes, bytes]) -> None:
    body = json.dumps({"error": message}).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
