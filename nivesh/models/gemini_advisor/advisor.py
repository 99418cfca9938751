"""The advisor as it is served: which endpoint is asked, with which instructions, and the way of a question through it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from google.api_core.exceptions import DeadlineExceeded

from nivesh.data.advice import tokens
from nivesh.errors import DataError, VertexRefused, VertexUnavailable
from nivesh.models.gemini_advisor import guardrails, rules, spending
from nivesh.settings import settings
from nivesh.text import personal_data
from nivesh.vertex.generation import Reply, generate, least_thinking
from nivesh.vertex.prices import Price

FILE = "advisor.json"
AWAY = (
    "I can't reach the advisor at the moment, so I have no answer for you. Please try again in a few minutes. "
    "Nothing of your question was lost or acted upon."
)
SPENT = "The advisor has answered all that it may today. Please ask again tomorrow."
AT_ONCE = 4  # questions of a measurement; quotas are counted by the minute
PATIENCE = 120.0  # seconds for an answer in a measurement, where nobody waits
USED = {  # of the user's features: what goes into a prompt, and how it reads
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
        job: resource name of the tuning job.
        billed_tokens: what Vertex AI billed for one pass over the tuning data; 0 where it did not tell.
        price: of answers, on the day of the table.
        instructions: the system instruction, the same in tuning and serving.
        guardrails: names of the rules at the time of tuning; the served code's rules are those in force.
    """

    endpoint: str
    base: str
    job: str
    billed_tokens: int
    price: Price
    instructions: str
    guardrails: tuple[str, ...]
    temperature: float = 0.0
    max_answer_tokens: int = 600
    _measured: dict[tuple[str, str], Reply] = field(default_factory=dict, repr=False, compare=False)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request of ``terms.Request``; it never raises for what Vertex AI does."""
        question = request["question"]
        if refusal := guardrails.check_question(question):
            return _answer(refusal.message, "refused", refusal.rule)
        hidden, kinds = personal_data.mask(question)
        figures = about(request["features"]) if "features" in request else ""
        prompt = f"{figures}{hidden}"
        purse, key = spending.purse(), spending.key(self.endpoint, self.instructions, guardrails.readable(hidden))
        if not figures and (kept := purse.recall(key)):  # nobody's figures are kept
            return kept
        output = self.max_answer_tokens + least_thinking(self.base)
        most = self.price.of_answer(tokens(self.instructions) + tokens(prompt), output)
        if not purse.reserve(most):
            return _answer(SPENT, "over_budget", "advice_budget")
        spent = 0.0
        try:
            reply = self._ask(self.endpoint, prompt, settings().google_timeout)
            spent = self.price.of_answer(reply.asked_tokens, reply.answered_tokens)
        except (VertexUnavailable, VertexRefused) as error:
            if isinstance(error.__cause__, DeadlineExceeded):
                spent = most  # Google may have finished an answer that nobody waited for, and bills it
            return _answer(AWAY, "unavailable", type(error).__name__)
        finally:
            purse.settle(most, spent)
        given = self._shown(reply, masked=bool(kinds))
        if not figures and given["outcome"] == "answered":
            purse.keep(key, given)
        return given

    def replies(self, endpoint: str, questions: list[str]) -> list[Reply]:
        """What an endpoint says to questions of a measurement, without guardrails; asked once for each question.

        Raises:
            VertexUnavailable, VertexRefused: one of them got no answer.
        """
        missing = [one for one in dict.fromkeys(questions) if (endpoint, one) not in self._measured]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            said = pool.map(lambda one: self._ask(endpoint, one, PATIENCE), missing)
            self._measured.update({(endpoint, one): reply for one, reply in zip(missing, said, strict=True)})
        return [self._measured[endpoint, one] for one in questions]

    def save(self, folder: Path) -> None:
        """Write ``advisor.json``."""
        content = asdict(self)
        del content["_measured"]
        (folder / FILE).write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Advisor":
        """The advisor that ``save`` wrote.

        Raises:
            DataError: there is none in the folder.
        """
        path = folder / FILE
        if not path.is_file():
            raise DataError(f"{folder}: there is no advisor (no {FILE}); give the folder of a saved one")
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**content | {"price": Price(**content["price"]), "guardrails": tuple(content["guardrails"])})

    def _ask(self, endpoint: str, prompt: str, seconds: float) -> Reply:
        return generate(
            endpoint,
            self.instructions,
            prompt,
            temperature=self.temperature,
            most=self.max_answer_tokens,
            thinking=least_thinking(self.base),
            seconds=seconds,
        )

    def _shown(self, reply: Reply, masked: bool) -> dict[str, Any]:
        """The reply as it may be shown."""
        if reply.stopped not in ("", "MAX_TOKENS"):  # Google's own filters, which may leave half an answer
            return _answer(rules.NO_ANSWER, "refused", f"vertex_{reply.stopped.lower()}")
        said, declined = guardrails.unmarked(reply.text)
        text, _ = personal_data.mask(said)
        if refusal := guardrails.check_answer(text, self.instructions):
            return _answer(refusal.message, "refused", refusal.rule)
        if declined:
            return _answer(text, "refused", "model")
        return _answer(text, "answered", "", guardrails.notes(text, masked, reply.stopped == "MAX_TOKENS"))


def about(features: dict[str, Any]) -> str:
    """Figures of a user as a prompt begins with them: rounded to two digits, no names, no ids; "" where there are none."""
    known = [words.format(_rounded(features[name])) for name, words in USED.items() if features.get(name) is not None]
    return f"About me: {', '.join(known)}.\n" if known else ""


def _rounded(value: float) -> str:
    number = float(f"{value:.2g}")
    return f"{number:,.0f}" if abs(number) >= 10 else f"{number:g}"


def _answer(text: str, outcome: str, reason: str, notes: list[str] | None = None) -> dict[str, Any]:
    return {
        "answer": text,
        "outcome": outcome,
        "reason": reason,
        "notes": notes or [],
        "disclaimer": guardrails.DISCLAIMER,
    }
