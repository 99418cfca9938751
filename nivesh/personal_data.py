"""Personal data in a text: what identifies a person or opens their account, found and masked.

Check digits decide where a kind of number has them (Aadhaar: Verhoeff, cards: Luhn), so an amount is no card. Account
numbers have none; they are taken as such only beside a word that says so.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from stdnum import luhn
from stdnum.in_ import aadhaar, pan

# People's numbers; toll-free lines and helplines are everybody's.
MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@dataclass(frozen=True)
class Found:
    """One piece of personal data: its kind and where it stands, in characters, ``end`` exclusive."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Kind:
    """A kind of personal data: how it is written, and what tells it from other texts of that shape."""

    name: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = lambda text: True


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return digits[0] in "3456" and len(set(digits)) > 1 and luhn.is_valid(digits)


# The first kind that claims a place has it: an e-mail address before the UPI id that it looks like.
KINDS = (
    Kind("EMAIL", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    Kind("UPI", re.compile(r"(?<![\w.])[\w.-]{2,}@[a-z][a-z0-9]{1,}\b", re.I)),
    Kind("PAN", re.compile(r"\b[A-Z]{5}[ -]?\d{4}[ -]?[A-Z]\b", re.I), pan.is_valid),
    Kind("IFSC", re.compile(r"\b[A-Z]{4}0(?=\w*\d)[A-Z0-9]{6}\b", re.I)),
    Kind("CARD", re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?!\d|[.,]\d)"), _card),
    Kind("AADHAAR", re.compile(r"(?<![\d.,])[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}(?!\d|[ .,-]\d)"), aadhaar.is_valid),
    Kind(
        "ACCOUNT",
        re.compile(
            r"(?:\b(?:account|acct|a/c|ac|khata|khaata)\b|खात[ाे])(?:\s*(?:number|num|no|nos|is|hai|नंबर|संख्या|है)\b)*"
            r"[\s.:#=-]*(?P<value>\d(?:[ -]?\d){8,17})(?!\d)",
            re.I,
        ),
    ),
)


def find(text: str) -> list[Found]:
    """Personal data of a text, in its order; no two overlap."""
    plain = text.translate(_Digits())
    found: list[Found] = []
    for one in (*_by_pattern(plain), *_phones(plain)):
        if not any(one.start < other.end and other.start < one.end for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def mask(text: str) -> tuple[str, list[str]]:
    """The text with ``[PAN]`` and the like in place of personal data, and the kinds that were there."""
    found = find(text)
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text, list(dict.fromkeys(one.kind for one in found))


class _Digits(dict):
    """Every script's digits as 0 to 9, character by character, so that places stay the same."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        return ord(str(int(character))) if character.isdecimal() else code


def _by_pattern(text: str) -> Iterator[Found]:
    for kind in KINDS:
        for match in kind.pattern.finditer(text):
            group = "value" if "value" in match.groupdict() else 0
            if kind.check(match[group]):
                yield Found(kind.name, match.start(group), match.end(group))


def _phones(text: str) -> Iterator[Found]:
    for match in phonenumbers.PhoneNumberMatcher(text, "IN", phonenumbers.Leniency.VALID):
        kind = phonenumbers.number_type(match.number)
        # Any ten digits may be a landline; one is written with its 0 or its country.
        landline = kind == phonenumbers.PhoneNumberType.FIXED_LINE and match.raw_string.lstrip("(").startswith(
            ("+", "0")
        )
        if kind in MOBILE or landline:
            yield Found("PHONE", match.start, match.end)
