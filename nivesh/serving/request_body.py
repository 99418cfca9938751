"""The body of a request as JSON, whatever client sent it."""

import zlib
from typing import Any

import orjson
from fastapi import Request

from nivesh.errors import MalformedRequest, RequestTooLarge
from nivesh.settings import settings

# 16 + zlib.MAX_WBITS reads gzip's header; deflate comes with zlib's header (RFC 9110).
WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


async def read_body(request: Request) -> bytes:
    """The bytes of a body, decompressed; the request guard has bounded those that were sent.

    Raises:
        MalformedRequest: it is not compressed as the header Content-Encoding says.
        RequestTooLarge: decompressed, it has more than NIVESH_MAX_BODY_BYTES.
    """
    body = await request.body()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return body if encoding in ("", "identity") else decompress(body, encoding, settings().max_body_bytes)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding, up to ``limit`` bytes. Errors as of ``read_body``."""
    if encoding not in WINDOW_BITS:
        raise MalformedRequest(f"Content-Encoding {encoding!r} is not supported; send gzip, deflate or no encoding")
    decompressor = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        plain = decompressor.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedRequest(f"the body is not {encoding}, as the header Content-Encoding says ({error})") from None
    if len(plain) > limit:
        raise RequestTooLarge(f"the body has more than {limit} bytes when decompressed; send less")
    if not decompressor.eof:
        raise MalformedRequest(f"the {encoding} body ends too early")
    return plain


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; an empty body is an empty object.

    Raises:
        MalformedRequest: it is no JSON in UTF-8, or nested too deeply.
    """
    try:
        return orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not JSON in UTF-8: {error}") from None
