"""Tuned model against base model on held-out questions, with the answers that people wrote as the reference."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.models.gemini_advisor import guardrails
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.schema import MARK
from nivesh.text.embeddings import embed

ROW_UNIT = "questions"
WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*[\u0900-\u097f]*|₹|%")
NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*(?![\d(]|[A-KM-Z])")  # 80C and 24(b) are no numbers, 5L is
SECTION = re.compile(r"\b(?:\d{2,3}[A-Z]{1,5}|\d{2,3}(?=\(\w+\)))(?:\(\w+\))*|(?<=[Ss]ection )\d{2,3}\b")
LENGTH_RANGE = (0.4, 2.5)  # of the words of the reference
DECLINES = re.compile(
    r"can't help|cannot help|won't help|can not help|not able to help|unable to help|madad nahi kar|मदद नहीं कर",
    re.I,
)


class _Tokenizer:
    """For rouge-score, whose own tokenizer keeps Latin letters only; this one keeps every script, ₹ and %."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.casefold())


def evaluate(model: Advisor, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics of the tuned model, and as ``baseline_*`` those of the base model with the same system instruction.

    Args:
        model: the tuned advisor; both of its models are called.
        test: held-out examples, columns input and output.
        history: not used.

    Raises:
        DataError: there are no rows.
        VertexRefused, VertexUnavailable: a question got no reply.
    """
    questions, references, tuned, base = compared(model, test)
    ours, theirs = scores(tuned, references, questions), scores(base, references, questions)
    return {
        **ours,
        **refusals(questions, tuned, references, model.refused_by_judge(questions, tuned)),
        **{f"baseline_{name}": value for name, value in theirs.items()},
        "rows": len(questions),
        "billed_tokens": model.billed_tokens,
    }


def per_row(model: Advisor, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray:
    """rouge_l of each answer of the tuned model, of shape (questions, 1). Answers that were paid are not asked again."""
    del history
    answers = [reply.text for reply in model.replies(model.endpoint, test["input"].tolist())]
    pairs = zip(answers, test["output"], strict=True)
    return np.array([rouge_l(guardrails.without_mark(answer)[0], reference) for answer, reference in pairs])[:, None]


def primary_metric(rows: np.ndarray) -> float:
    """The mean rouge_l of rows as ``per_row`` gives them."""
    return float(rows.mean())


def compared(model: Advisor, test: pd.DataFrame) -> tuple[list[str], list[str], list[str], list[str]]:
    """Questions, reference answers, and the tuned and the base model's answers.

    Raises:
        DataError: there are no rows.
        VertexRefused, VertexUnavailable: a question got no reply.
    """
    if test.empty:
        raise DataError("no rows to evaluate on; give examples with their answers")
    questions = test["input"].tolist()
    tuned, base = (
        [reply.text for reply in model.replies(endpoint, questions)] for endpoint in (model.endpoint, model.base)
    )
    return questions, test["output"].tolist(), tuned, base


def scores(answers: list[str], references: list[str], questions: list[str]) -> dict[str, float]:
    """Means over questions, each 0 to 1.

    - rouge_l: F1 of the longest common subsequence of words (Lin, 2004).
    - similarity: cosine of MiniLM's mean-pooled embeddings.
    - figures: of the numbers in the reference that the question does not hold, the fraction in the answer.
    - sections_known: answers without a section of law that is neither in the reference nor in the question.
    - length: answers of 0.4 to 2.5 times the reference's words.
    - fit_to_show: answers that no local rule holds back.
    """
    return dict(_scores(tuple(answers), tuple(references), tuple(questions)))


@lru_cache(maxsize=8)  # the plots show what was just evaluated
def _scores(answers: tuple[str, ...], references: tuple[str, ...], questions: tuple[str, ...]) -> dict[str, float]:
    answers = tuple(guardrails.without_mark(answer)[0] for answer in answers)
    triples = list(zip(answers, references, questions, strict=True))
    low, high = LENGTH_RANGE
    return {
        "rouge_l": _mean(rouge_l(answer, reference) for answer, reference, _ in triples),
        "similarity": _mean(np.clip(np.sum(embed(answers) * embed(references), axis=1), 0, 1)),
        "figures": _mean(part for part in (_figures(*triple) for triple in triples) if part is not None),
        "sections_known": _mean(not _sections(a) - _sections(r) - _sections(q) for a, r, q in triples),
        "length": _mean(low <= len(a.split()) / len(r.split()) <= high for a, r, _ in triples),
        "fit_to_show": _mean(guardrails.check_answer(answer) is None for answer in answers),
    }


def declines(texts: Iterable[str]) -> np.ndarray:
    """Which answers decline. Bool, shape (answers,)."""
    return np.array([MARK in text or bool(DECLINES.search(text)) for text in texts], bool)


def refusals(
    questions: list[str], answers: list[str], references: list[str], judged: list[bool]
) -> dict[str, float | int]:
    """Whether local rules, model and judge together refuse what the reference declines.

    Args:
        questions, answers, references: of the same rows.
        judged: whether the judge refuses the answer.

    Returns:
        ``refused_when_due`` (0 where no reference declines), ``shown_when_due``, and the number ``refusals_due``.
    """
    due = declines(references)
    stopped = np.array([guardrails.check_question(question) is not None for question in questions])
    refused = stopped | declines(answers) | np.array(judged, bool)
    return {
        "refused_when_due": _mean(refused[due]) if due.any() else 0.0,
        "shown_when_due": _mean(~refused[~due]) if (~due).any() else 0.0,
        "refusals_due": int(due.sum()),
    }


def rouge_l(answer: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 1."""
    return _rouge().score(reference, answer)["rougeL"].fmeasure


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # not in serving images

    return RougeScorer(["rougeL"], tokenizer=_Tokenizer())


def _figures(answer: str, reference: str, question: str) -> float | None:
    expected = _numbers(reference) - _numbers(question)
    return len(expected & _numbers(answer)) / len(expected) if expected else None


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "").rstrip(".") for number in NUMBER.findall(text)}


def _sections(text: str) -> set[str]:
    return set(SECTION.findall(text))


def _mean(values: Iterable[Any]) -> float:
    numbers = [float(value) for value in values]
    return float(np.mean(numbers)) if numbers else 0.0
