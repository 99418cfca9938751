"""Answers and errors as JSON: one shape and one status per kind of error, on every path and protocol."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from nivesh.errors import (
    DataError,
    FeaturesUnavailable,
    LabelsNotKept,
    MalformedRequest,
    ModelNotFound,
    NiveshError,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    StorageUnavailable,
    Unauthorized,
    UserNotFound,
)

# The first that an error is an instance of; what is in none of them is the server's fault.
STATUS: dict[type[NiveshError], HTTPStatus] = {
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UserNotFound: HTTPStatus.NOT_FOUND,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ModelNotFound: HTTPStatus.SERVICE_UNAVAILABLE,
    FeaturesUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LabelsNotKept: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    NiveshError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Error(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: str = Field(description="one sentence: what was wrong, and what to do")


def status_of(error: Exception) -> HTTPStatus:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), STATUS[NiveshError])


def json_response(content: Any, headers: Mapping[str, str] | None = None, status: int = HTTPStatus.OK) -> Response:
    """A JSON body."""
    return Response(orjson.dumps(content), status, media_type="application/json", headers=dict(headers or {}))


def error_response(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as JSON. An answer of 503 says when to try again."""
    retry = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    body = orjson.dumps({"error": message})
    return Response(body, status, media_type="application/json", headers=retry | dict(headers or {}))
