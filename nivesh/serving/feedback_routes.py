"""``POST /feedback``: what really was, for predictions that were made before.

A label is in the monitoring store when the answer 202 is sent: nothing of it waits in memory or on a pod's disk. It is neither
looked up in the prediction log, which may not have the prediction yet, nor compared with other labels of it: both happen when
labels are read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from nivesh import models
from nivesh.errors import DataError, LabelsNotKept, RequestTooLarge
from nivesh.serving import openapi
from nivesh.serving.label_writer import LabelWriter
from nivesh.serving.predictor import Predictor
from nivesh.serving.request_body import parse_json, read_body
from nivesh.serving.responses import json_response
from nivesh.settings import settings
from nivesh.store.labels import Label, checked, checked_id
from nivesh.store.objects import ObjectStore, monitoring_store

PATH = "/feedback"
FIELDS = {"prediction_id", "label", "model"}


class Stored(BaseModel):
    """What was done."""

    stored: int = Field(description="labels that are in the store now")


def router(served: Mapping[str, Predictor], keys: Sequence[str]) -> APIRouter:
    """The route; ``keys`` are the models that the server is for, ``served`` those that are loaded."""
    routes = APIRouter(tags=["feedback"])
    writer = cache(lambda: LabelWriter(open_label_store))  # no thread where no label ever comes

    async def feedback(request: Request) -> Response:
        now = datetime.now(UTC)
        rows = _rows(parse_json(await read_body(request)))
        labels: dict[str, list[Label]] = {}
        for number, row in enumerate(rows, 1):
            try:
                key, label = _checked(row, served, keys)
            except DataError as error:
                raise DataError(f"label {number}: {error}" if len(rows) > 1 else str(error)) from None
            labels.setdefault(key, []).append(Label(label[0], label[1], now))
        waiting = [asyncio.wrap_future(writer().add(key, one)) for key, one in labels.items()]
        await asyncio.gather(*waiting)
        return json_response({"stored": len(rows)}, status=202)

    routes.add_api_route(
        PATH,
        feedback,
        methods=["POST"],
        status_code=202,
        response_model=Stored,
        summary="Say what really was, for predictions that were made before",
        operation_id="feedback",
        responses=openapi.ERRORS,
        openapi_extra=_body(keys),
    )
    return routes


def open_label_store() -> ObjectStore:
    """The store of labels.

    Raises:
        LabelsNotKept: it would be a disk of this machine while the predictions are elsewhere, or nowhere.
        StorageUnavailable: the store cannot be reached, or refuses.
    """
    current = settings()
    if current.prediction_store == "off":
        raise LabelsNotKept("this server logs no predictions (NIVESH_PREDICTION_STORE is off), and so takes no labels")
    if current.prediction_store and not current.monitoring_store:
        raise LabelsNotKept(
            f"labels would stay on this server's disk while the predictions are in {current.prediction_store}; "
            "set NIVESH_MONITORING_STORE"
        )
    return monitoring_store()


def _rows(body: Any) -> list[Any]:
    rows = body if isinstance(body, list) else [body]
    if not rows:
        raise DataError("there are no labels; give an object or a list of objects")
    if len(rows) > settings().max_instances:
        raise RequestTooLarge(f"{len(rows)} labels in one request; send at most {settings().max_instances} at a time")
    return rows


def _checked(row: Any, served: Mapping[str, Predictor], keys: Sequence[str]) -> tuple[str, tuple[str, Any]]:
    """The key of the model, and the id and the label."""
    if not isinstance(row, dict) or not {"prediction_id", "label"} <= row.keys() or row.keys() - FIELDS:
        raise DataError('give {"prediction_id": "…", "label": …}, and "model" where the server has several')
    key = _key(row, keys)
    predictor = served.get(key)
    names = predictor.manifest.labels if predictor is not None else []
    return key, (checked_id(row["prediction_id"]), checked(models.get(key), row["label"], names))


def _key(row: dict[str, Any], keys: Sequence[str]) -> str:
    """The model that a label is for: the only one of the server, or the one that is named."""
    if "model" not in row and len(keys) == 1:
        return keys[0]
    name = row.get("model")
    key = name.replace("-", "_") if isinstance(name, str) else ""
    if key not in keys:
        raise DataError(f'"model" must be one of {", ".join(keys)}')
    return key


def _body(keys: Sequence[str]) -> dict[str, Any]:
    """The request body, for the OpenAPI description."""
    one = {
        "type": "object",
        "required": ["prediction_id", "label", *(["model"] if len(keys) > 1 else [])],
        "additionalProperties": False,
        "properties": {
            "prediction_id": {
                "type": "string",
                "description": "the response header X-Prediction-Id; -1, -2, … for instances",
            },
            "label": {"description": "what really was, of the model's type of labels"},
            "model": {"type": "string", "enum": list(keys)},
        },
    }
    example = {
        "prediction_id": "0123456789abcdef0123456789abcdef",
        "label": models.get(keys[0]).label_example,
        "model": keys[0],
    }
    schema = {"oneOf": [one, {"type": "array", "minItems": 1, "items": one}]}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}
