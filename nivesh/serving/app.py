"""The HTTP surface of a model server: the guide's paths, KServe's V1 and V2 protocols, health, metrics, errors."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from nivesh import __version__
from nivesh.errors import MalformedRequest, NiveshError
from nivesh.serving import feedback_routes, openapi, prediction_routes, server_routes, transaction_routes
from nivesh.serving.predictor import Predictor
from nivesh.serving.request_guard import RequestGuard
from nivesh.serving.responses import error_response, status_of

log = logging.getLogger("nivesh.serving.app")


def create_app(predictors: Sequence[Predictor], keys: Sequence[str] | None = None) -> FastAPI:
    """The application that serves some models.

    Args:
        predictors: the models that are loaded.
        keys: the models that this server is for; those without a predictor make it "degraded" and answer 503.
    """
    served = {predictor.key: predictor for predictor in predictors}
    keys = list(served) if keys is None else list(keys)
    app = FastAPI(
        title="Nivesh MLOps",
        version=__version__,
        description="The models of a personal-finance assistant, by the guide's paths and by KServe's protocols.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name this server's scheme and host, not those of the gateway
    )
    app.include_router(prediction_routes.router(served, keys))  # before the others: a name may hold ":predict"
    app.include_router(server_routes.router(served, keys))
    if keys:
        app.include_router(feedback_routes.router(served, keys))
    if transaction_routes.MODEL in keys:
        app.include_router(transaction_routes.router())
    app.openapi = lambda: openapi.schema(app, [predictor.name for predictor in predictors])  # type: ignore[method-assign]  # FastAPI's documented way to extend it

    async def handle_error(request: Request, error: Exception) -> Response:
        if isinstance(error, MalformedRequest):
            prediction_routes.count_refusal(served, request.url.path, error)
        return _error(error)

    for kind, handler in (
        (NiveshError, handle_error),
        (HTTPException, _http_error),
        (HTTPStatus.NOT_FOUND, _http_error),
        (HTTPStatus.METHOD_NOT_ALLOWED, _http_error),
    ):
        app.add_exception_handler(kind, handler)
    app.add_middleware(
        RequestGuard, on_refusal=lambda path, error: prediction_routes.count_refusal(served, path, error)
    )
    return app


def _error(error: Exception) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", type(error).__name__, error)
    return error_response(status, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own errors: no such path, no such method."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    path = request.url.path
    message = {
        HTTPStatus.NOT_FOUND: f"there is no {path}; see /openapi.json",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed on {path}; see /openapi.json",
    }.get(status, str(getattr(error, "detail", status.phrase)))
    return error_response(status, message, getattr(error, "headers", None))
