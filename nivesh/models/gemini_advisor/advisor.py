"""The fitted advisor: which endpoints are called, with which instruction, and the path of a question through it."""

import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from google.api_core.exceptions import DeadlineExceeded

from nivesh.data.advice import tokens
from nivesh.errors import DataError, VertexRefused, VertexUnavailable
from nivesh.models.gemini_advisor import evaluation_replies, guardrails, judge
from nivesh.models.gemini_advisor.answer_cache import answer_cache, cache_key
from nivesh.models.gemini_advisor.budget import answer_budget
from nivesh.settings import settings
from nivesh.text import personal_data
from nivesh.text.cleaning import clean
from nivesh.vertex.generation import Reply, generate, min_thinking_budget
from nivesh.vertex.prices import Price

FILE = "advisor.json"
UNAVAILABLE = (
    "I can't reach the advisor at the moment, so I have no answer for you. Please try again in a few minutes. "
    "Nothing of your question was lost or acted upon."
)
OVER_BUDGET = "The advisor has answered all that it may for today. Please ask again tomorrow."
EVALUATION_SECONDS = 120.0  # for a reply in an evaluation, where no user waits
# The user's features that go into a prompt, and how they read there.
FEATURES = {
    "monthly_income": "income a month about ₹{}",
    "average_monthly_spending": "spending a month about ₹{}",
    "existing_emis": "EMIs a month about ₹{}",
    "savings_rate": "part of the income saved about {}",
    "emergency_fund_months": "months of spending set aside about {}",
    "credit_utilization": "part of the card limit used about {}",
}


@dataclass(frozen=True)
class Advisor:
    """A tuned endpoint and all that its answers depend on; saved as JSON, so a bundle holds no weights.

    Attributes:
        endpoint: resource name of the tuned endpoint.
        base: resource name of the model that it was tuned from.
        judge_model: resource name of the model that decides whether an answer may be shown.
        job: resource name of the tuning job.
        billed_tokens: billed for one pass over the tuning data; 0 where Vertex AI did not report it.
        price: of answers, on the day of the price table.
        judge_price: of the judge's verdicts.
        instructions: the system instruction, the same in tuning and serving.
        guardrails: names of the rules and of the judge's reasons at the time of tuning; serving uses those of its code.
        temperature: of answers.
        max_answer_tokens: of an answer.
    """

    endpoint: str
    base: str
    judge_model: str
    job: str
    billed_tokens: int
    price: Price
    judge_price: Price
    instructions: str
    guardrails: tuple[str, ...]
    temperature: float = 0.0
    max_answer_tokens: int = 600

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one ``schema.Request``. An outage of Vertex AI is an answer too, with its outcome.

        The question is cleaned once; what passes the local rules is what is masked, sent and judged. It is answered
        within the budget, and its answer passes the local rules and the judge.

        Args:
            request: a ``schema.Request`` as a dict; ``features`` are the user's finances, ``client`` is who asks.

        Raises:
            DataError: the question has no visible character.
        """
        question = clean(request["question"]).strip()
        if not question:
            raise DataError("question: it has no visible character; write what you want to know")
        if refusal := guardrails.check_question(question):
            return _refused(refusal)
        masked, kinds = personal_data.mask(question)
        finances = describe_finances(request["features"]) if "features" in request else ""
        prompt = f"{finances}{masked}"

        def create() -> dict[str, Any]:
            return self._answer_within_budget(prompt, request.get("client", ""), masked=bool(kinds))

        if finances:  # an answer from a user's finances is never cached
            return create()
        return answer_cache().get_or_create(self._cache_key(prompt), create, self._may_be_shown)

    def replies(self, endpoint: str, questions: list[str]) -> list[Reply]:
        """The replies of an endpoint to questions of an evaluation, without guardrails; each is paid once.

        Raises:
            VertexUnavailable, VertexRefused: a question got no reply.
        """
        config = self.instructions, str(self.temperature), str(self.max_answer_tokens)
        return evaluation_replies.replies(
            ((endpoint, *config, text), partial(self._generate, endpoint, text, EVALUATION_SECONDS))
            for text in questions
        )

    def refused_by_judge(self, questions: list[str], answers: list[str]) -> list[bool]:
        """Whether the judge refuses each answer of an evaluation; each verdict is paid once.

        Raises:
            VertexUnavailable, VertexRefused: an answer got no verdict.
        """
        verdicts = evaluation_replies.replies(
            (
                (self.judge_model, judge.POLICY, *pair),
                partial(judge.ask, self.judge_model, *pair, seconds=EVALUATION_SECONDS),
            )
            for pair in zip(questions, answers, strict=True)
        )
        return [bool(judge.read(reply).reason) for reply in verdicts]

    def save(self, folder: Path) -> None:
        """Write ``advisor.json``."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Advisor":
        """Read what ``save`` wrote.

        Raises:
            DataError: the folder has no advisor.json, or one of another version of the code.
        """
        path = folder / FILE
        if not path.is_file():
            raise DataError(f"{folder}: there is no advisor (no {FILE}); give the folder of a saved one")
        content = json.loads(path.read_text(encoding="utf-8"))
        try:
            prices = {name: Price(**content[name]) for name in ("price", "judge_price")}
            return cls(**content | prices | {"guardrails": tuple(content["guardrails"])})
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{path} was written by another version of the code ({error}); run nivesh tune again: it finds the "
                "tuned model and pays for no second one"
            ) from None

    def _generate(self, endpoint: str, prompt: str, seconds: float) -> Reply:
        return generate(
            endpoint,
            self.instructions,
            prompt,
            temperature=self.temperature,
            max_tokens=self.max_answer_tokens,
            thinking_budget=min_thinking_budget(self.base),
            seconds=seconds,
        )

    def _answer_within_budget(self, prompt: str, client: str, *, masked: bool) -> dict[str, Any]:
        if not judge.is_available(self.judge_model):  # an answer without a verdict would be paid and not shown
            return _answer(UNAVAILABLE, "unavailable", "judge")
        max_cost = self._max_cost(prompt)
        reservation = answer_budget().reserve(max_cost, client)
        if reservation.refused:
            return _answer(OVER_BUDGET, "over_budget", reservation.refused)
        bill = _Bill()
        try:
            return self._ask(prompt, bill, masked=masked)
        except (VertexUnavailable, VertexRefused) as error:
            if isinstance(error.__cause__, DeadlineExceeded):
                bill.dollars = max_cost  # Google may have finished a reply that nobody waited for, and bills it
            return _answer(UNAVAILABLE, "unavailable", type(error).__name__)
        finally:
            answer_budget().settle(reservation, bill.dollars)

    def _cache_key(self, prompt: str) -> str:
        """Of the bytes that are sent, and of everything that decides whether their answer is shown."""
        versions = guardrails.rules().version, judge.POLICY, settings().google_model_armor
        return cache_key(self.endpoint, self.judge_model, self.instructions, *versions, prompt)

    def _may_be_shown(self, cached: dict[str, Any]) -> bool:
        return cached["outcome"] != "answered" or guardrails.check_answer(cached["answer"], self.instructions) is None

    def _ask(self, prompt: str, bill: "_Bill", *, masked: bool) -> dict[str, Any]:
        """What may be shown of the endpoint's reply to a prompt.

        Raises:
            VertexUnavailable, VertexRefused: there is no reply, or no verdict on it. ``bill`` has what was paid.
        """
        deadline = time.monotonic() + settings().google_timeout
        reply = self._generate(self.endpoint, prompt, settings().google_timeout)
        bill.add(self.price, reply)
        if reply.stopped not in ("", "MAX_TOKENS"):  # a filter of Google's, which may leave half an answer
            return _refused(guardrails.refusal(f"vertex_{reply.stopped.lower()}"))
        text, declined = guardrails.without_mark(reply.text)
        if refusal := guardrails.check_answer(text, self.instructions):
            return _refused(refusal)
        text, _ = personal_data.mask(text)
        verdict = judge.read(judge.ask(self.judge_model, prompt, text, seconds=max(0.1, deadline - time.monotonic())))
        bill.add(self.judge_price, verdict.reply)
        if verdict.reason == judge.UNREADABLE:
            return _answer(UNAVAILABLE, "unavailable", verdict.reason)
        if verdict.reason:
            return _refused(guardrails.refusal(verdict.reason))
        if declined:
            return _answer(text, "refused", "model")
        notes = guardrails.notes(text, masked=masked, truncated=reply.stopped == "MAX_TOKENS")
        return _answer(text, "answered", "", notes)

    def _max_cost(self, prompt: str) -> float:
        """US dollars that an answer and its verdict cost at most."""
        output = self.max_answer_tokens + min_thinking_budget(self.base)
        return self.price.of_answer(tokens(self.instructions) + tokens(prompt), output) + self.judge_price.of_answer(
            *judge.max_tokens(self.judge_model, prompt, self.max_answer_tokens)
        )


@dataclass
class _Bill:
    """US dollars of the replies to one question."""

    dollars: float = 0.0

    def add(self, price: Price, reply: Reply) -> None:
        self.dollars += price.of_answer(reply.input_tokens, reply.output_tokens)


def describe_finances(features: dict[str, Any]) -> str:
    """A user's figures as a prompt begins with them: two significant digits, no names, no ids; "" without figures."""
    known = [
        words.format(_rounded(features[name])) for name, words in FEATURES.items() if features.get(name) is not None
    ]
    return f"About me: {', '.join(known)}.\n" if known else ""


def _rounded(value: float) -> str:
    number = float(f"{value:.2g}")
    return f"{number:,.0f}" if abs(number) >= 10 else f"{number:g}"


def _refused(refusal: guardrails.Refusal) -> dict[str, Any]:
    return _answer(refusal.message, "refused", refusal.rule)


def _answer(text: str, outcome: str, reason: str, notes: list[str] | None = None) -> dict[str, Any]:
    return {
        "answer": text,
        "outcome": outcome,
        "reason": reason,
        "notes": notes or [],
        "disclaimer": guardrails.DISCLAIMER,
    }
