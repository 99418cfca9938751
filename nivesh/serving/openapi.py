"""The OpenAPI description: bodies of requests that routes read themselves, and the errors of every path."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from nivesh import models
from nivesh.models.interface import Model
from nivesh.serving.responses import Error

REFERENCE = "#/components/schemas/{model}"
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": description}
    for status, description in {
        400: "the body cannot be read: no JSON, not compressed as its header says, contradictory tensors",
        401: "no API key, or a wrong one",
        404: "nothing is known about the user, or there is no such model or version",
        413: "too many bytes or too many instances",
        422: "the body does not fit the schema",
        429: "too many requests a minute",
        500: "the model failed; the server's log says why",
        503: "the model, its features, a thread or the store of labels are not available; Retry-After says when to try again",
    }.items()
}


def guide_body(model: Model) -> dict[str, Any]:
    """The request body of a model's own path."""
    content = {"schema": {"$ref": _reference(model)}, "example": model.spec.example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def protocol_bodies() -> tuple[dict[str, Any], dict[str, Any]]:
    """The request bodies of KServe's V1 and V2 protocols."""
    instances = {"type": "array", "minItems": 1, "items": {"type": "object"}}
    v1 = {"type": "object", "required": ["instances"], "properties": {"instances": instances}}
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"type": "string", "example": "BYTES"},
            "data": {"type": "array", "items": {}},
        },
    }
    inputs = {"type": "array", "minItems": 1, "items": tensor}
    v2 = {"type": "object", "required": ["inputs"], "properties": {"id": {"type": "string"}, "inputs": inputs}}
    first, second = (
        {"requestBody": {"required": True, "content": {"application/json": {"schema": one}}}} for one in (v1, v2)
    )
    return first, second


def schema(app: FastAPI, names: Sequence[str]) -> dict[str, Any]:
    """The description of an app, with the schemas of the models' requests; computed once.

    Args:
        app: the application.
        names: names of the served models in KServe's protocols.
    """
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, definitions = _request_schemas()
        described["components"]["schemas"] |= definitions["$defs"]
        for operations in described["paths"].values():
            for operation in operations.values():
                for parameter in operation.get("parameters", []):
                    if parameter["name"] == "name":
                        parameter["schema"] = {"type": "string", "enum": list(names)}
                # FastAPI adds its own kind of 422 to every path with a parameter.
                operation["responses"] = {
                    status: response for status, response in operation["responses"].items()
                    if "HTTPValidationError" not in str(response)
                }  # fmt: skip
        app.openapi_schema = described
    return app.openapi_schema


@cache  # every route of a model asks for its reference at start-up
def _request_schemas() -> tuple[Any, dict[str, Any]]:
    requests = [(models.get(key).Request, "validation") for key in models.keys()]
    return models_json_schema(requests, ref_template=REFERENCE)  # type: ignore[arg-type]  # a list of literals


def _reference(model: Model) -> str:
    references, _ = _request_schemas()
    return references[model.Request, "validation"]["$ref"]
