"""The HTTP surface beside KServe's protocols: the guide's paths, health, the list of models, errors as clear JSON."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from nivesh import __version__, models
from nivesh.errors import DataError, FeaturesUnavailable, ModelNotFound, NiveshError, UserNotFound
from nivesh.serving.predictor import Overloaded, Predictor
from nivesh.serving.request_guard import RequestGuard

log = logging.getLogger("nivesh.serving.app")

# The status of each error; FastAPI gives 400 and 422 for what is no JSON and does not fit, the middleware 401 to 429.
STATUS = {
    DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UserNotFound: HTTPStatus.NOT_FOUND,
    ModelNotFound: HTTPStatus.SERVICE_UNAVAILABLE,
    FeaturesUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    NiveshError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def install(app: FastAPI, predictors: Sequence[Predictor], keys: Sequence[str] | None = None) -> FastAPI:
    """Add routes, error answers and limits to an app.

    Args:
        predictors: the models that are loaded.
        keys: the models that this server is for; those without a predictor make it "degraded" and answer 503.
    """
    served = {predictor.key: predictor for predictor in predictors}
    keys = list(served) if keys is None else list(keys)
    app.title, app.version = "Nivesh MLOps", __version__
    app.description = "The models of a personal-finance assistant, by the guide's paths and by KServe's protocols."
    router = APIRouter()

    @router.get("/health", tags=["server"], summary="healthy, or degraded with what is missing")
    async def health() -> dict:
        missing = [key for key in keys if key not in served or not served[key].ready]
        status = "degraded" if missing else "healthy"
        return {"status": status, "models_loaded": len(keys) - len(missing), "models_missing": missing}

    @router.get("/models", tags=["server"], summary="what is served: versions, metrics, targets")
    async def list_models() -> dict:
        return {"models": [_describe(served[key]) if key in served else {"name": key, "ready": False} for key in keys]}

    @router.post("/v2/repository/models/{name}/{verb}", include_in_schema=False)
    async def keep_models(request: Request, name: str, verb: str) -> JSONResponse:
        # KServe's own routes, which come after these, would let any client take a model out of a server.
        return _no_such_path(request)

    for key in keys:
        _add_route(router, key, served.get(key))
    app.include_router(router)
    by_path = {predictor.spec.path: predictor for predictor in predictors}

    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        if request.url.path in by_path:
            by_path[request.url.path].count_error("DataError")
        return _invalid(error)

    app.add_exception_handler(NiveshError, _refuse)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPStatus.NOT_FOUND, lambda request, _: _no_such_path(request))
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _wrong_method)
    app.add_middleware(RequestGuard)
    return app


def _add_route(router: APIRouter, key: str, predictor: Predictor | None) -> None:
    module = models.get(key)

    async def predict(request: module.Request):
        if predictor is None:
            raise ModelNotFound(f"{key} is not loaded; train it (nivesh train {key}) and start the server again")
        (answer,) = await predictor.answer([request.model_dump()])
        return JSONResponse(answer, headers={"X-Model-Version": predictor.manifest.version})

    router.add_api_route(
        module.spec.path,
        predict,
        methods=["POST"],
        response_model=module.Answer,
        summary=module.spec.purpose,
        operation_id=f"predict_{key}",
        tags=["predict"],
        openapi_extra={"requestBody": {"content": {"application/json": {"example": module.spec.example}}}},
    )


def _describe(predictor: Predictor) -> dict:
    manifest = predictor.manifest
    return {
        "name": predictor.key,
        "ready": predictor.ready,
        "version": manifest.version,
        "path": predictor.spec.path,
        "purpose": predictor.spec.purpose,
        "created": manifest.created,
        "below_target": bool(manifest.missed),
        "targets_missed": manifest.missed,
        "metrics": {name: value for name, value in manifest.metrics.items() if not isinstance(value, dict | list)},
    }


async def _refuse(_: Request, error: NiveshError) -> JSONResponse:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", type(error).__name__, error)
    retry = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse({"error": str(error)}, status, retry)


def _invalid(error: RequestValidationError) -> JSONResponse:
    problems = error.errors()
    broken = next((problem for problem in problems if problem["type"] == "json_invalid"), None)
    if broken:
        reason = broken.get("ctx", {}).get("error", broken["msg"])
        return JSONResponse({"error": f"the body is not JSON: {reason}"}, HTTPStatus.BAD_REQUEST)
    fields = {".".join(map(str, problem["loc"][1:])) or "body": problem["msg"] for problem in problems}
    sentence = "; ".join(f"{name}: {message}" for name, message in fields.items())
    return JSONResponse({"error": sentence, "fields": fields}, HTTPStatus.UNPROCESSABLE_ENTITY)


def _no_such_path(request: Request) -> JSONResponse:
    return JSONResponse({"error": f"there is no {request.url.path}; see /openapi.json"}, HTTPStatus.NOT_FOUND)


async def _wrong_method(request: Request, error: Exception) -> JSONResponse:
    message = f"{request.method} is not for {request.url.path}; see /openapi.json"
    return JSONResponse({"error": message}, HTTPStatus.METHOD_NOT_ALLOWED, getattr(error, "headers", None))
