"""Replies of models on Vertex AI: within a deadline, with retries, behind safety filters and a circuit breaker."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.aiplatform_v1 import (
    Candidate,
    Content,
    GenerateContentRequest,
    GenerationConfig,
    HarmCategory,
    ModelArmorConfig,
    Part,
    SafetySetting,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from nivesh.circuit_breaker import CircuitBreaker
from nivesh.errors import VertexUnavailable
from nivesh.settings import settings
from nivesh.vertex.connection import prediction_client, translate_errors

RETRYABLE = (exceptions.ServiceUnavailable, exceptions.TooManyRequests, exceptions.InternalServerError)
# A tuned model has learned to answer without thinking first; thoughts cost time and tokens. Pro cannot do without.
MIN_THINKING_BUDGETS = {"gemini-2.5-pro": 128}
# The categories that Vertex AI lets every Gemini filter by; prompt attacks are Model Armor's and the judge's.
HARM_CATEGORIES = (
    HarmCategory.HARM_CATEGORY_HARASSMENT,
    HarmCategory.HARM_CATEGORY_HATE_SPEECH,
    HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT,
    HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT,
)
FINISHED = (Candidate.FinishReason.STOP, Candidate.FinishReason.FINISH_REASON_UNSPECIFIED)


@dataclass(frozen=True)
class Reply:
    """What a model replied.

    Attributes:
        text: "" where a filter blocked the prompt.
        stopped: why the reply is not whole: Vertex AI's name of the finish reason or block reason, such as MAX_TOKENS,
            SAFETY or MODEL_ARMOR; "" where it is whole.
        input_tokens: billed for the prompt.
        output_tokens: billed for the reply and for thoughts.
    """

    text: str
    stopped: str
    input_tokens: int
    output_tokens: int


@cache
def breaker(endpoint: str) -> CircuitBreaker:
    """The circuit breaker of one endpoint or model; a judge that is away must not be hidden by answers that come."""
    model = endpoint.rpartition("/")[2]
    return CircuitBreaker(
        f"Vertex AI ({model})",
        outage=VertexUnavailable,
        unavailable=VertexUnavailable,
        max_failures=5,
        reset_seconds=30,
    )


def min_thinking_budget(model: str) -> int:
    """The smallest thinking budget, in tokens, of one of Google's models, by its name or resource name."""
    return MIN_THINKING_BUDGETS.get(model.rpartition("/")[2], 0)


def generate(
    endpoint: str,
    system: str,
    prompt: str,
    *,
    temperature: float,
    max_tokens: int,
    thinking_budget: int,
    seconds: float,
    json_schema: dict[str, Any] | None = None,
) -> Reply:
    """One reply of a model.

    Safety filters of medium and higher probability are on in every call, and so is the Model Armor template of the
    settings.

    Args:
        endpoint: resource name of an endpoint, or of one of Google's models.
        system: the system instruction.
        prompt: the user's turn.
        temperature: 0 to 2.
        max_tokens: of the reply.
        thinking_budget: tokens of thoughts before it.
        seconds: for all attempts together.
        json_schema: the reply is JSON of this schema.

    Raises:
        VertexUnavailable: no reply in time, a quota is used up, or calls are suspended after failures.
        VertexRefused: Vertex AI refuses the call.
    """
    config = GenerationConfig(
        temperature=temperature,
        max_output_tokens=max_tokens + thinking_budget,  # thoughts count as output
        candidate_count=1,
        thinking_config=GenerationConfig.ThinkingConfig(thinking_budget=thinking_budget),
    )
    if json_schema:
        config.response_mime_type = "application/json"
        config.response_json_schema = ParseDict(json_schema, Value())
    request = GenerateContentRequest(
        model=endpoint,
        system_instruction=Content(parts=[Part(text=system)]),
        contents=[Content(role="user", parts=[Part(text=prompt)])],
        generation_config=config,
        safety_settings=[
            SafetySetting(category=category, threshold=SafetySetting.HarmBlockThreshold.BLOCK_MEDIUM_AND_ABOVE)
            for category in HARM_CATEGORIES
        ],
    )
    if template := settings().google_model_armor:
        request.model_armor_config = ModelArmorConfig(prompt_template_name=template, response_template_name=template)
    retry = Retry(if_exception_type(*RETRYABLE), initial=0.2, maximum=8, timeout=seconds)
    with breaker(endpoint).guard(), translate_errors(f"generate with {endpoint}"):
        response = prediction_client(endpoint).generate_content(request, retry=retry, timeout=seconds)
    usage = response.usage_metadata
    billed = usage.prompt_token_count, usage.candidates_token_count + usage.thoughts_token_count
    if not response.candidates:
        return Reply("", response.prompt_feedback.block_reason.name, *billed)
    candidate = response.candidates[0]
    text = "".join(part.text for part in candidate.content.parts if not part.thought)
    stopped = "" if candidate.finish_reason in FINISHED else candidate.finish_reason.name
    return Reply(text.strip(), stopped, *billed)
