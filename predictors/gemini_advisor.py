from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from nivesh.serving import metrics
from nivesh.serving.predictor import Predictor

AT_ONCE = 32  # answers that are waited for at the same time; they take seconds and no CPU


class Served(Predictor):
    """Answers with advice. What is not advice (refusals, outages, a spent budget) is counted by its reason."""

    @cached_property
    def _waiting_room(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="advice")

    def executor(self) -> ThreadPoolExecutor:
        """Threads of its own: while they wait for Vertex AI, the models of this process go on."""
        return self._waiting_room

    def _predict(self, requests: list[Any]) -> list[dict]:
        answers = super()._predict(requests)
        for answer in answers:
            if answer["outcome"] != "answered":
                kind = f"{answer['outcome']}_{answer['reason']}"
                metrics.ERRORS.labels(**self.labels, error_type=kind).inc()
        return answers
