"""``POST /transactions``: a transaction is folded into its user's profile, without being scored."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from nivesh import models
from nivesh.serving import openapi
from nivesh.serving.request_body import parse_json, read_body
from nivesh.serving.responses import json_response
from nivesh.store import streaming, transaction_stream
from nivesh.store.streaming import Outcome

PATH, MODEL = "/transactions", "anomaly_detector"


class Recorded(BaseModel):
    """What became of a transaction."""

    outcome: Outcome = Field(
        description="applied: the profile has it for the next request; duplicate: its id is known, nothing changed; "
        "late: it is older than what the profile starts from, and will count with the next materialisation"
    )


def router() -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["transactions"])
    routes.add_api_route(
        PATH,
        record,
        methods=["POST"],
        response_model=Recorded,
        summary="Fold a transaction into its user's profile",
        operation_id="record_transaction",
        responses=openapi.ERRORS,
        openapi_extra=_body(),
    )
    return routes


async def record(request: Request) -> Response:
    """Apply one transaction; the answer comes when the profile has it."""
    user_id, transaction = transaction_stream.validated(parse_json(await read_body(request)))
    applied = await asyncio.to_thread(streaming.apply_transaction, user_id, transaction)
    return json_response({"outcome": applied.outcome})


def _body() -> dict[str, Any]:
    """The body of the anomaly detector's path, with an id."""
    described = openapi.guide_body(models.get(MODEL))
    content = described["requestBody"]["content"]["application/json"]
    example = content["example"]
    with_id = {
        "type": "object",
        "required": ["transaction_id"],
        "properties": {"transaction_id": {"type": "string", "minLength": 1}},
    }
    content["schema"] = {"allOf": [content["schema"], {"type": "object", "properties": {"transaction": with_id}}]}
    content["example"] = example | {"transaction": example["transaction"] | {"transaction_id": "T2025100100017"}}
    return described
