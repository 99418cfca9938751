"""What the advisor does not answer, and what it must not say: pure functions of a text.

They are the first and the last of three layers. Between them the model itself declines, and says so by a mark. Rules are
certain where they match and blind to new words: of questions that they were not written for they stop few.
"""

import re
import unicodedata
from dataclasses import dataclass

from nivesh.models.gemini_advisor import answer_rules, rules
from nivesh.models.gemini_advisor.rules import Rule
from nivesh.models.gemini_advisor.terms import MARK

DISCLAIMER = (
    "General information, not personal advice of a SEBI-registered adviser. "
    "Check figures, tax rules and product terms for the current year before you act."
)
CHANGING = "Tax rates and limits change with every Union Budget; check those of the current financial year."
MASKED = "Personal details in the question were hidden before it was answered; please do not share them in a chat."
CUT = "The answer was cut at its allowed length."

_TAX = re.compile(r"\b(slab|80[a-z]{1,4}|87a|tds|ltcg|stcg|cess|standard deduction|tax regime|tax rate)\b", re.I)
_YEAR = re.compile(r"\b20\d\d\b")
_MARK = re.compile(rf"\[+\s*{re.escape(MARK.strip('[]'))}\s*\]+", re.I)  # models write it nearly so
_ACCENTS = re.compile("[\u0300-\u036f]")
_LOOKALIKE = str.maketrans("0134@$" + "аеорсхуіѕтвнкм", "oieaas" + "aeopcxyistbhkm")  # the second half is Cyrillic
_SPELLED = re.compile(r"(?<![\w'])\w([ .\-_*])(?:\w\1)+\w\b")


@dataclass(frozen=True)
class Refusal:
    """Which rule stopped a text, and what the person is told in place of an answer."""

    rule: str
    message: str


def check_question(question: str) -> Refusal | None:
    """The refusal that a question deserves before anything is asked, or None."""
    return _first(rules.QUESTIONS, question)


def check_answer(answer: str, instructions: str = "") -> Refusal | None:
    """The refusal in place of an answer that must not be shown, or None.

    Args:
        answer: what the model said.
        instructions: the model's instructions, which must not come out.
    """
    if not answer.strip():
        return Refusal("answer_empty", rules.NO_ANSWER)
    words = readable(answer).split()
    secret = f" {' '.join(readable(instructions).split())} "
    if any(f" {' '.join(words[i : i + 12])} " in secret for i in range(len(words) - 11)):
        return Refusal("answer_instructions", rules.NO_ANSWER)
    return _first(answer_rules.ANSWERS, answer)


def unmarked(answer: str) -> tuple[str, bool]:
    """An answer without the mark with which the model declines, and whether it had one."""
    said, marks = _MARK.subn(" ", answer)
    return said.strip(), marks > 0


def notes(answer: str, masked: bool, cut: bool) -> list[str]:
    """What a person should know beside an answer."""
    stale = bool(_TAX.search(answer)) and not _YEAR.search(answer)
    return [text for text, holds in ((MASKED, masked), (CHANGING, stale), (CUT, cut)) if holds]


def readable(text: str) -> str:
    """A text as a rule reads it: one form of each letter, small, without accents, no invisible ones, single spaces."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    seen = "".join(c for c in unicodedata.normalize("NFKC", bare) if unicodedata.category(c) != "Cf")
    return " ".join(seen.casefold().replace("’", "'").split())


def forms(text: str) -> list[str]:
    """A text and the texts that it may hide: letters spelled one by one, digits and signs in place of letters."""
    plain = readable(text)
    joined = _SPELLED.sub(lambda match: re.sub(r"[ .\-_*]", "", match[0]), plain)
    return list(dict.fromkeys((plain, joined, joined.translate(_LOOKALIKE))))


def _first(these: tuple[Rule, ...], text: str) -> Refusal | None:
    candidates = forms(text)
    for rule in these:
        if any(rule.stops(candidate) for candidate in candidates):
            return Refusal(rule.name, rule.message)
    return None
