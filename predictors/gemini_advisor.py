from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from nivesh.models.gemini_advisor.budget import answer_budget
from nivesh.serving import metrics
from nivesh.serving.predictor import Predictor
from nivesh.serving.request_guard import CLIENT
from nivesh.settings import settings

CONCURRENCY = 32  # threads: they wait for Vertex AI for seconds and need no CPU


class Served(Predictor):
    """Answers with advice. Whatever is not advice (refusals, outages, a spent budget) is counted by its reason."""

    def load(self) -> bool:
        """Load the model, and show the day's budget and what is spent of it among the metrics."""
        loaded = super().load()
        answer_budget().spent_today()  # what was spent before this process started
        metrics.ADVICE_SPENT.labels(**self.labels).set_function(lambda: answer_budget().last_sum())
        metrics.ADVICE_BUDGET.labels(**self.labels).set(settings().advice_budget)
        return loaded

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="advice")

    def executor(self) -> ThreadPoolExecutor:
        """Threads of its own: waiting for Vertex AI must not hold up the other models of this process."""
        return self._threads

    def failures(self, answers: list[dict]) -> int:
        """Outages of Vertex AI are answers with status 200, and errors in the metrics: a canary must not look well."""
        return sum(answer["outcome"] == "unavailable" for answer in answers)

    def _validate(self, instance: Any, number: int) -> dict:
        return super()._validate(instance, number) | {"client": CLIENT.get()}

    def _answer(self, requests: list[dict]) -> list[dict]:
        answers = super()._answer(requests)
        for answer in answers:
            if answer["outcome"] != "answered":
                kind = f"{answer['outcome']}_{answer['reason']}"
                metrics.ERRORS.labels(**self.labels, error_type=kind).inc()
        return answers
