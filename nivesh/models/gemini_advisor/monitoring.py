"""What monitoring compares, and how answers are measured against answers that people wrote later."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nivesh.models.gemini_advisor import guardrails
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled
from nivesh.text.vocabulary import text_columns

TEXT = "question"
NO_ESTIMATE = "an answer is a text without a probability, from which a similarity could be estimated"
SHOWN = ("answered", "refused")  # outcomes that are the model's; an outage or a spent budget is none


def monitored(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The question's numbers, the outcome with its reason, and the length of the answer."""
    return {
        **text_columns(request[TEXT]),
        "outcome": answer["outcome"],
        "reason": answer["reason"] or "none",
        "answer_words": len(answer["answer"].split()) if answer["outcome"] == "answered" else None,
    }


def replay(model: Advisor, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """The questions with the replies that the evaluation has paid for, and the answers that people wrote.

    Local rules and the model itself refuse; the judge is not asked.

    Raises:
        VertexRefused, VertexUnavailable: a question got no reply.
    """
    del history
    rows = sampled(test, limit)
    questions = rows["input"].tolist()
    replies = model.replies(model.endpoint, questions)
    answers = [_answer(question, reply.text) for question, reply in zip(questions, replies, strict=True)]
    return Replay([{TEXT: question} for question in questions], answers, rows["output"].tolist())


def label_names(label: str) -> list[str]:
    """No names: a label is the answer that a person would have given."""
    return []


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """rouge_l of each answer of the model against what a person wrote; outages are left out."""
    from nivesh.models.gemini_advisor.evaluation import rouge_l

    both = [(answer, label) for answer, label in pairs(answers, labels) if answer["outcome"] in SHOWN]
    return {"rouge_l": Sample("mean", np.array([rouge_l(one["answer"], label) for one, label in both], float))}


def scores(answers: Sequence[Any]) -> None:
    """None: see ``NO_ESTIMATE``."""


def _answer(question: str, reply: str) -> dict[str, Any]:
    text, declined = guardrails.without_mark(reply)
    refusal = guardrails.check_question(question) or guardrails.check_answer(text)
    if refusal:
        shown = {"answer": refusal.message, "outcome": "refused", "reason": refusal.rule}
    else:
        outcome = ("refused", "model") if declined else ("answered", "")
        shown = {"answer": text} | dict(zip(("outcome", "reason"), outcome, strict=True))
    return shown | {"notes": [], "disclaimer": guardrails.DISCLAIMER}
