"""How good answers are beside those that people wrote, without a second service to judge them."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nivesh.models.gemini_advisor import guardrails
from nivesh.models.gemini_advisor.terms import MARK
from nivesh.text.encoder import encoder_folder

WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*[\u0900-\u097f]*|₹|%")
NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*(?![\d(]|[A-KM-Z])")  # 80C and 24(b) are no numbers, 5L is
SECTION = re.compile(r"\b(?:\d{2,3}[A-Z]{1,5}|\d{2,3}(?=\(\w+\)))(?:\(\w+\))*|(?<=[Ss]ection )\d{2,3}\b")
LENGTH = (0.4, 2.5)  # of the words of the person's answer
REFUSES = re.compile(
    r"can't help|cannot help|won't help|can not help|not able to help|unable to help|madad nahi kar|मदद नहीं कर",
    re.I,
)


class _Words:
    """rouge-score's tokenizer keeps Latin letters only; this one keeps every script, ₹ and %."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(text.casefold())


def scores(answers: list[str], references: list[str], questions: list[str]) -> dict[str, float]:
    """Means over questions, each 0 to 1.

    - rouge_l: F1 of the longest common subsequence of words, as Lin (2004) defines it.
    - similarity: cosine of MiniLM's mean embeddings.
    - figures: of the numbers in the person's answer that the question does not hold, the part that came.
    - sections_known: answers without a section of law that stands neither in the person's answer nor in the question.
    - length: answers of 0.4 to 2.5 times the words of the person's.
    - fit_to_show: answers that no guardrail holds back.
    """
    from rouge_score.rouge_scorer import RougeScorer  # measuring only

    answers = [guardrails.unmarked(answer)[0] for answer in answers]
    rouge = RougeScorer(["rougeL"], tokenizer=_Words())
    triples = list(zip(answers, references, questions, strict=True))
    return {
        "rouge_l": _mean(rouge.score(reference, answer)["rougeL"].fmeasure for answer, reference, _ in triples),
        "similarity": _mean(np.clip(np.sum(embed(answers) * embed(references), axis=1), 0, 1)),
        "figures": _mean(part for part in (_figures(*triple) for triple in triples) if part is not None),
        "sections_known": _mean(not _sections(a) - _sections(r) - _sections(q) for a, r, q in triples),
        "length": _mean(LENGTH[0] <= len(a.split()) / len(r.split()) <= LENGTH[1] for a, r, _ in triples),
        "fit_to_show": _mean(guardrails.check_answer(answer) is None for answer in answers),
    }


def due(texts: Iterable[str]) -> np.ndarray:
    """Which answers decline. Bool, (answers,)."""
    return np.array([MARK in text or bool(REFUSES.search(text)) for text in texts], bool)


def refusals(questions: list[str], answers: list[str], references: list[str]) -> dict[str, float]:
    """Whether what is refused is what people refused, guardrails and model together; the reference says what was due.

    ``refused_when_due`` is 0 where no question of the set deserves a refusal: what was not seen is not shown.
    """
    refused = due(references)
    stopped = np.array([guardrails.check_question(question) is not None for question in questions])
    declined = due(answers)
    return {
        "refused_when_due": _mean((stopped | declined)[refused]) if refused.any() else 0.0,
        "shown_when_due": _mean(~(stopped | declined)[~refused]) if (~refused).any() else 0.0,
        "refusals_due": int(refused.sum()),
    }


def embed(texts: list[str]) -> np.ndarray:
    """MiniLM's mean-pooled unit vectors. Shape (texts, 384)."""
    import torch  # measuring only

    tokenizer, model = _encoder(encoder_folder())
    vectors = []
    with torch.no_grad():
        for start in range(0, len(texts), 32):
            batch = tokenizer(
                texts[start : start + 32], padding=True, truncation=True, max_length=256, return_tensors="pt"
            )
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
            vectors.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1))
    return torch.cat(vectors).numpy()


@cache
def _encoder(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model, read once."""
    from transformers import AutoModel, AutoTokenizer

    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


def draw(tuned: dict[str, float], base: dict[str, float], folder: Path) -> Path:
    """Base beside tuned by measure, as base_and_tuned.png."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(tuned))
    for offset, (name, values) in zip((-0.2, 0.2), (("base", base), ("tuned", tuned)), strict=True):
        bars = axes.bar(places + offset, [values[measure] for measure in tuned], 0.4, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set_xticks(places, list(tuned))
    axes.set_ylim(0, 1.1)
    axes.set_ylabel("mean over held-out questions")
    axes.legend()
    path = folder / "base_and_tuned.png"
    figure.savefig(path, dpi=120)
    return path


def _figures(answer: str, reference: str, question: str) -> float | None:
    expected = _numbers(reference) - _numbers(question)
    return len(expected & _numbers(answer)) / len(expected) if expected else None


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "").rstrip(".") for number in NUMBER.findall(text)}


def _sections(text: str) -> set[str]:
    return set(SECTION.findall(text))


def _mean(values: Any) -> float:
    found = [float(value) for value in values]
    return float(np.mean(found)) if found else 0.0


def table(rows: list[dict[str, str]], folder: Path) -> Path:
    """Questions with the person's, the base model's and the tuned answer, to be read by people, as answers.md."""
    lines = ["# Held-out questions: what people wrote, what the base model said, what the tuned model said", ""]
    for row in rows:
        lines += [
            f"## {row['question']}",
            *(f"- **{name}**: {text}" for name, text in row.items() if name != "question"),
            "",
        ]
    path = folder / "answers.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
