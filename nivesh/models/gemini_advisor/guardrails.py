"""The advisor's local rules: what is stopped without asking a service. Pure functions of a text.

The rules cover what must be stopped even during an outage: crisis, credentials, promised returns, and in answers links
and payment addresses. They recognise known wordings only; Vertex AI's filters and the judge decide the rest.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nivesh.models.gemini_advisor.schema import MARK
from nivesh.text import personal_data

FILE = Path(__file__).with_name("guardrails.toml")
DISCLAIMER = (
    "General information, not personal advice of a SEBI-registered adviser. "
    "Check figures, tax rules and product terms for the current year before you act."
)
CHANGING = "Tax rates and limits change with every Union Budget; check those of the current financial year."
MASKED = "Personal details in the question were hidden before it was answered; please do not share them in a chat."
TRUNCATED = "The answer was cut at its allowed length."
LEAK_WORDS = 12  # consecutive words of the system instruction in an answer that count as a leak of it

_TAX = re.compile(r"\b(slab|80[a-z]{1,4}|87a|tds|ltcg|stcg|cess|standard deduction|tax regime|tax rate)\b", re.I)
_YEAR = re.compile(r"\b20\d\d\b")
_MARK = re.compile(rf"\[+\s*{re.escape(MARK.strip('[]'))}\s*\]+", re.I)  # models do not always copy it exactly
_ACCENTS = re.compile("[\u0300-\u036f]")
_LOOKALIKE = str.maketrans("0134@$" + "аеорсхуіѕтвнкм", "oieaas" + "aeopcxyistbhkm")  # the second half is Cyrillic
_SPELLED = re.compile(r"(?<![\w'])\w([ .\-_*])(?:\w\1)+\w\b")
_SENTENCE_END = re.compile(r"(?<!\d)[.!?।\n;]+|[.!?।\n;]+(?!\d)")
_TOP_LEVEL = "com|in|org|net|io|me|co|ly|app|info|biz|xyz|link|site|online|shop|live|top|ai"
_LINK = re.compile(  # an address with a scheme, or a bare host; "safe.In short" is no host
    rf"(?i:[a-z][a-z0-9+.-]+)://\S+|(?<![\w@.-])(?:[\w-]+\.)+(?:{_TOP_LEVEL}|{_TOP_LEVEL.upper()})\b"
)


@dataclass(frozen=True)
class Refusal:
    """Why a text was stopped, and what the person reads in place of an answer."""

    rule: str
    message: str


@dataclass(frozen=True)
class Rule:
    """Stops a text where ``stop`` is found, unless ``spare`` is found too.

    Attributes:
        name: the reason of the refusal.
        by_sentence: ``spare`` must be in the same sentence. So "nobody can guarantee returns" is spared, and a
            guarantee in the next sentence is not.
    """

    name: str
    stop: re.Pattern[str]
    spare: re.Pattern[str] | None
    by_sentence: bool

    def stops(self, text: str) -> bool:
        """Whether a normalised text is stopped."""
        parts = _SENTENCE_END.split(text) if self.by_sentence else [text]
        return any(self.stop.search(part) and not (self.spare and self.spare.search(part)) for part in parts)


@dataclass(frozen=True)
class Rules:
    """The content of guardrails.toml, and the digest of that file."""

    questions: tuple[Rule, ...]
    answers: tuple[Rule, ...]
    messages: dict[str, str]
    official_hosts: tuple[str, ...]
    version: str


@cache
def rules() -> Rules:
    """Read guardrails.toml, once."""
    content = FILE.read_bytes()
    table = tomllib.loads(content.decode())
    return Rules(
        questions=tuple(_rule(entry, table["words"]) for entry in table["question"]),
        answers=tuple(_rule(entry, table["words"]) for entry in table["answer"]),
        messages=table["messages"],
        official_hosts=tuple(table["official_hosts"]),
        version=hashlib.sha256(content).hexdigest()[:16],
    )


def rule_names() -> tuple[str, ...]:
    """Names of all local rules."""
    names = [rule.name for rule in (*rules().questions, *rules().answers)]
    return tuple(dict.fromkeys([*names, "answer_link", "answer_empty", "answer_instructions"]))


def refusal(reason: str) -> Refusal:
    """The refusal for a reason, with its message; reasons about the answer share one message."""
    messages = rules().messages
    return Refusal(reason, messages.get(reason, messages["no_answer"]))


def check_question(question: str) -> Refusal | None:
    """The refusal of a question that must not be sent, or None."""
    return _first(rules().questions, question)


def check_answer(answer: str, instructions: str = "") -> Refusal | None:
    """The refusal in place of an answer that must not be shown, or None.

    Args:
        answer: the model's text, before personal data are masked in it.
        instructions: the system instruction, which an answer must not repeat.
    """
    if not answer.strip():
        return refusal("answer_empty")
    words = normalise(answer).split()
    secret = f" {' '.join(normalise(instructions).split())} "
    if any(f" {' '.join(words[i : i + LEAK_WORDS])} " in secret for i in range(len(words) - LEAK_WORDS + 1)):
        return refusal("answer_instructions")
    if _has_link(answer):
        return refusal("answer_link")
    return _first(rules().answers, answer)


def without_mark(answer: str) -> tuple[str, bool]:
    """An answer without the mark with which the model declines, and whether it had one."""
    text, marks = _MARK.subn(" ", answer)
    return text.strip(), marks > 0


def notes(answer: str, *, masked: bool, truncated: bool) -> list[str]:
    """What a person should know beside an answer."""
    undated = bool(_TAX.search(answer)) and not _YEAR.search(answer)
    return [text for text, holds in ((MASKED, masked), (CHANGING, undated), (TRUNCATED, truncated)) if holds]


def normalise(text: str) -> str:
    """A text as the rules read it: NFKC, case-folded, without accents and format characters, single spaces."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    visible = "".join(c for c in unicodedata.normalize("NFKC", bare) if unicodedata.category(c) != "Cf")
    return " ".join(visible.casefold().replace("’", "'").split())


def spellings(text: str) -> list[str]:
    """A normalised text, and what it may disguise: letters spelled one by one, digits and signs in place of letters."""
    plain = normalise(text)
    joined = _SPELLED.sub(lambda match: re.sub(r"[ .\-_*]", "", match[0]), plain)
    return list(dict.fromkeys((plain, joined, joined.translate(_LOOKALIKE))))


def _rule(entry: dict[str, Any], words: dict[str, str]) -> Rule:
    return Rule(
        name=entry["rule"],
        stop=_pattern(entry["stop"], words),
        spare=_pattern(entry["spare"], words) if "spare" in entry else None,
        by_sentence=entry.get("by_sentence", False),
    )


def _pattern(alternatives: Iterable[str], words: dict[str, str]) -> re.Pattern[str]:
    """One pattern of all alternatives, {name} replaced by the entry of ``words``, which may hold names itself."""

    def expand(text: str) -> str:
        return re.sub(r"\{([a-z_]+)\}", lambda match: expand(words[match[1]]), text)

    return re.compile("|".join(f"(?:{expand(text)})" for text in alternatives))


def _first(candidates: tuple[Rule, ...], text: str) -> Refusal | None:
    forms = spellings(text)
    return next((refusal(rule.name) for rule in candidates if any(map(rule.stops, forms))), None)


def _has_link(text: str) -> bool:
    """Whether a text has a link to a host that is not official, an e-mail address or a payment address (UPI id)."""
    plain = unicodedata.normalize("NFKC", text)
    if any(found.kind in ("UPI", "EMAIL") for found in personal_data.find(plain)):
        return True
    return any(not _is_official(match[0]) for match in _LINK.finditer(plain))


def _is_official(link: str) -> bool:
    address = urlsplit(link if "://" in link else f"https://{link}")
    host = (address.hostname or "").rstrip(".")
    trusted = any(host == name or host.endswith(f".{name}") for name in rules().official_hosts)
    return trusted and address.scheme in ("http", "https") and "@" not in address.netloc
