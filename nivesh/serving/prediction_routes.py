"""The routes that predict: the guide's path of each model, KServe's V1 and V2 protocols."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import HTTPException

from nivesh import models
from nivesh.errors import DataError, ModelNotFound
from nivesh.models.interface import Model
from nivesh.serving import open_inference, openapi
from nivesh.serving.predictor import Predictor
from nivesh.serving.request_body import parse_json, read_body
from nivesh.serving.responses import json_response

VERSION_HEADER, PREDICTION_HEADER = "X-Model-Version", "X-Prediction-Id"
PROTOCOL_PATH = re.compile(r"/v[12]/models/([\w-]+)(?::predict|(?:/versions/[^/]+)?/infer)")


def router(served: Mapping[str, Predictor], keys: Sequence[str]) -> APIRouter:
    """The routes; ``keys`` are the models that the server is for, ``served`` those that are loaded."""
    routes = APIRouter(tags=["predict"])
    for key in keys:
        _add_guide_route(routes, models.get(key), served.get(key))

    async def predict_v1(name: str, request: Request) -> Response:
        predictor = find(served, name)
        instances = _instances(predictor, parse_json(await read_body(request)))
        headers = _headers(predictor)
        return json_response({"predictions": await predictor.answer(instances, headers[PREDICTION_HEADER])}, headers)

    async def infer_v2(name: str, request: Request, version: str | None = None) -> Response:
        predictor = find(served, name, version)
        decoded = open_inference.decode(await read_body(request), request.headers.get(open_inference.HEADER_LENGTH))
        headers = _headers(predictor)
        answers = await predictor.answer(decoded.instances, headers[PREDICTION_HEADER])
        body, more = open_inference.encode(decoded, predictor.name, predictor.version, answers)
        return Response(body, headers=headers | more)

    v1, v2 = openapi.protocol_bodies()
    for path, route, extra in (
        ("/v1/models/{name}:predict", predict_v1, v1),
        ("/v2/models/{name}/infer", infer_v2, v2),
        ("/v2/models/{name}/versions/{version}/infer", infer_v2, v2),
    ):
        routes.add_api_route(
            path, route, methods=["POST"], response_model=None, responses=openapi.ERRORS, openapi_extra=extra,
            operation_id=f"{route.__name__}{'_version' if 'versions' in path else ''}", summary="KServe's protocol",
        )  # fmt: skip
    return routes


def find(served: Mapping[str, Predictor], name: str, version: str | None = None) -> Predictor:
    """The predictor of a model's name, with dashes or underscores.

    Raises:
        HTTPException: 404, there is no such model or it is served in another version.
    """
    predictor = served.get(name.replace("-", "_"))
    if predictor is None:  # an InferenceService may give a model any name
        predictor = next((one for one in served.values() if one.name == name), None)
    if predictor is None or version not in (None, predictor.version):
        raise HTTPException(404)
    return predictor


def count_refusal(served: Mapping[str, Predictor], path: str, error: Exception) -> None:
    """Count a request that was refused before it came to a predictor, if its path is one of a model."""
    match = PROTOCOL_PATH.fullmatch(path)
    for predictor in served.values():
        if path == predictor.spec.path or (match and match[1] in (predictor.name, predictor.key)):
            predictor.count_error(error)


def _add_guide_route(routes: APIRouter, model: Model, predictor: Predictor | None) -> None:
    async def predict(request: Request) -> Response:
        if predictor is None:
            raise ModelNotFound(
                f"{model.key} is not loaded; train it (nivesh train {model.key}) and start the server again"
            )
        headers = _headers(predictor)
        (answer,) = await predictor.answer([parse_json(await read_body(request))], headers[PREDICTION_HEADER])
        return json_response(answer, headers)

    routes.add_api_route(
        model.spec.path,
        predict,
        methods=["POST"],
        response_model=model.Answer,
        summary=model.spec.purpose,
        operation_id=f"predict_{model.key}",
        responses=openapi.ERRORS,
        openapi_extra=openapi.guide_body(model),
    )


def _instances(predictor: Predictor, body: Any) -> list[Any]:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list) or not instances:
        error = DataError(f'give {{"instances": [{json.dumps(predictor.spec.example)}]}} with one object or more')
        predictor.count_error(error)
        raise error
    return instances


def _headers(predictor: Predictor) -> dict[str, str]:
    """The version that answers, and the id of the request in the prediction log."""
    return {VERSION_HEADER: predictor.version, PREDICTION_HEADER: uuid.uuid4().hex}
