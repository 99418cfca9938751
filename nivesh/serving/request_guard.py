"""What a request must pass before a route sees it: its API key, its client's rate, its size."""

import hashlib
import hmac
from collections.abc import Callable
from contextvars import ContextVar

from fastapi import Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nivesh.errors import NiveshError, RateLimited, RequestTooLarge, Unauthorized
from nivesh.serving.responses import error_response, status_of
from nivesh.settings import settings

# Who sent the request that is being answered: the hash of an API key, or an address. "" outside of a request.
CLIENT: ContextVar[str] = ContextVar("client", default="")
# Probes and Prometheus have no key and must not be counted.
OPEN_PATHS = ("/", "/health", "/metrics", "/v2/health/live", "/v2/health/ready")


def _ignore(path: str, error: NiveshError) -> None:
    """Count nothing."""


class RequestGuard:
    """Pure ASGI middleware: 401 without the API key, 429 over the rate, 413 over the size.

    Args:
        app: the application behind it.
        on_refusal: called with the path and the error of each refused request.
    """

    def __init__(self, app: ASGIApp, on_refusal: Callable[[str, NiveshError], None] = _ignore):
        self.app, self.settings, self.on_refusal = app, settings(), on_refusal
        self.rate = RateLimitItemPerMinute(self.settings.rate_limit) if self.settings.rate_limit else None
        self.limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            self._check_client(scope, headers.get(b"x-api-key", b""))
            body = await self._read_body(headers, receive)
        except NiveshError as error:
            self.on_refusal(scope["path"], error)
            await _refusal(error)(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _check_client(self, scope: Scope, key: bytes) -> None:
        if self.settings.api_key and not hmac.compare_digest(key, self.settings.api_key.encode()):
            raise Unauthorized("give the API key in the header X-API-Key")
        # Clients behind one address are distinguished by their keys, where they have some.
        address = scope["client"][0] if scope.get("client") else "unknown"
        client = hashlib.sha256(key).hexdigest() if key and self.settings.api_key else address
        # NIVESH_API_KEY is one key for all clients; other keys were verified by the gateway and are a client each.
        CLIENT.set(hashlib.sha256(key).hexdigest() if key and not self.settings.api_key else address)
        if self.rate and not self.limiter.hit(self.rate, client):
            raise RateLimited(f"more than {self.settings.rate_limit} requests a minute; try again in a minute")

    async def _read_body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The whole body; reading ends as soon as it is too large, as Content-Length may be absent or wrong."""
        limit = self.settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        too_large = RequestTooLarge(f"the body has more than {limit} bytes; send less")
        if length.isdigit() and int(length[:20]) > limit:
            raise too_large
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise too_large
            more = message["type"] == "http.request" and message.get("more_body", False)
        return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read already, then what follows."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _refusal(error: NiveshError) -> Response:
    headers = {"Retry-After": "60"} if isinstance(error, RateLimited) else {}
    if isinstance(error, RequestTooLarge):
        headers["Connection"] = "close"  # the rest of the body would be taken for the connection's next request
    return error_response(status_of(error), str(error), headers)
