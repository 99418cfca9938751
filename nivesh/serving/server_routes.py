"""What a server says of itself: health, models, Prometheus metrics, and the metadata of KServe's protocols."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from nivesh.serving import open_inference
from nivesh.serving.openapi import ERRORS
from nivesh.serving.prediction_routes import find
from nivesh.serving.predictor import Predictor
from nivesh.serving.responses import json_response

Responses = dict[int | str, dict[str, Any]]


def router(served: Mapping[str, Predictor], keys: Sequence[str]) -> APIRouter:
    """The routes; ``keys`` are the models that the server is for, ``served`` those that are loaded."""
    routes = APIRouter(tags=["server"])

    def get(path: str, summary: str, in_schema: bool = True, responses: Responses | None = None):
        def register(route: Callable) -> Callable:
            routes.get(
                path,
                summary=summary,
                include_in_schema=in_schema,
                response_model=None,
                responses=responses,
                response_class=PlainTextResponse if path == "/metrics" else JSONResponse,
            )(route)
            return routes.head(path, include_in_schema=False, response_model=None)(route)

        return register

    @get("/", "alive", in_schema=False)
    async def root() -> Response:
        return json_response({"status": "alive"})

    @get("/health", "healthy, or degraded with what is missing")
    async def health() -> Response:
        missing = [key for key in keys if key not in served or not served[key].ready]
        status = "degraded" if missing else "healthy"
        return json_response({"status": status, "models_loaded": len(keys) - len(missing), "models_missing": missing})

    @get("/models", "the served models: versions, metrics, targets")
    async def list_models() -> Response:
        return json_response(
            {"models": [describe(served[key]) if key in served else {"name": key, "ready": False} for key in keys]}
        )

    @get("/metrics", "Prometheus metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @get("/v1/models", "KServe V1: names of the models")
    @get("/v2/models", "KServe V2: names of the models")
    async def names() -> Response:
        return json_response({"models": [predictor.name for predictor in served.values()]})

    @get("/v1/models/{name}", "KServe V1: whether a model is ready", responses=ERRORS)
    async def ready_v1(name: str) -> Response:
        return json_response({"name": name, "ready": find(served, name).ready})

    @get("/v2", "KServe V2: the server")
    async def server() -> Response:
        return json_response({"name": "kserve", "version": version("kserve"), "extensions": ["binary_tensor_data"]})

    @get("/v2/health/live", "KServe V2: alive")
    async def live() -> Response:
        return json_response({"live": True})

    @get("/v2/health/ready", "KServe V2: ready")
    async def ready() -> Response:
        return json_response({"ready": True})

    @get("/v2/models/{name}/ready", "KServe V2: whether a model is ready", responses=ERRORS)
    @get("/v2/models/{name}/versions/{version}/ready", "KServe V2: whether a version is ready", responses=ERRORS)
    async def ready_v2(name: str, version: str | None = None) -> Response:
        return json_response({"name": name, "ready": find(served, name, version).ready})

    @get("/v2/models/{name}", "KServe V2: a model's tensors", responses=ERRORS)
    @get("/v2/models/{name}/versions/{version}", "KServe V2: a version's tensors", responses=ERRORS)
    async def metadata(name: str, version: str | None = None) -> Response:
        predictor = find(served, name, version)
        return json_response(
            {
                "name": predictor.name,
                "versions": [predictor.version],
                "platform": predictor.spec.runtime,
                "inputs": open_inference.INPUTS,
                "outputs": open_inference.OUTPUTS,
            }
        )

    return routes


def describe(predictor: Predictor) -> dict[str, Any]:
    """A served model, as ``/models`` shows it."""
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
