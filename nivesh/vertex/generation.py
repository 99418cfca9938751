"""Answers of an endpoint on Vertex AI: within a time, tried again where that helps, spared while it is down."""

from dataclasses import dataclass

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.aiplatform_v1 import Candidate, Content, GenerateContentRequest, GenerationConfig, Part

from nivesh.circuit_breaker import CircuitBreaker
from nivesh.errors import VertexUnavailable
from nivesh.vertex.connection import explained, prediction_client

PASSING = (exceptions.ServiceUnavailable, exceptions.TooManyRequests, exceptions.InternalServerError)
# A tuned model has learned to answer without thinking first; thoughts cost time and tokens. Pro cannot do without.
LEAST_THINKING = {"gemini-2.5-pro": 128}
breaker = CircuitBreaker(
    "Vertex AI", outage=VertexUnavailable, unavailable=VertexUnavailable, max_failures=5, reset_seconds=30
)


@dataclass(frozen=True)
class Reply:
    """What an endpoint said. ``stopped`` names why it ended early or said nothing, "" where it did not.

    ``answered_tokens`` are those that are paid as output: the answer's and the thoughts'.
    """

    text: str
    stopped: str
    asked_tokens: int
    answered_tokens: int


def least_thinking(model: str) -> int:
    """The fewest tokens of thoughts that one of Google's models, by its name or resource name, can be told to have."""
    return LEAST_THINKING.get(model.rpartition("/")[2], 0)


def generate(
    endpoint: str, system: str, question: str, *, temperature: float, most: int, thinking: int, seconds: float
) -> Reply:
    """One answer.

    Args:
        endpoint: resource name of an endpoint, or of one of Google's models.
        system: the instructions.
        question: what the person asks.
        most: tokens of the answer.
        thinking: tokens of thoughts before it.
        seconds: for all tries together.

    Raises:
        VertexUnavailable: no answer in time, a quota is used up, or Vertex AI rests after failures.
        VertexRefused: Vertex AI says no.
    """
    request = GenerateContentRequest(
        model=endpoint,
        system_instruction=Content(parts=[Part(text=system)]),
        contents=[Content(role="user", parts=[Part(text=question)])],
        generation_config=GenerationConfig(
            temperature=temperature,
            max_output_tokens=most + thinking,  # thoughts count as output
            candidate_count=1,
            thinking_config=GenerationConfig.ThinkingConfig(thinking_budget=thinking),
        ),
    )
    retry = Retry(if_exception_type(*PASSING), initial=0.2, maximum=8, timeout=seconds)
    with breaker.guard(), explained(f"ask {endpoint}"):
        answer = prediction_client(endpoint).generate_content(request, retry=retry, timeout=seconds)
    usage = answer.usage_metadata
    counts = usage.prompt_token_count, usage.candidates_token_count + usage.thoughts_token_count
    if not answer.candidates:
        return Reply("", answer.prompt_feedback.block_reason.name, *counts)
    first = answer.candidates[0]
    text = "".join(part.text for part in first.content.parts if not part.thought)
    ended = first.finish_reason in (Candidate.FinishReason.STOP, Candidate.FinishReason.FINISH_REASON_UNSPECIFIED)
    return Reply(text.strip(), "" if ended else first.finish_reason.name, *counts)
