"""Personal data in a text: what identifies a person or opens their account, found and masked.

Check digits decide where a kind of number has them (Aadhaar: Verhoeff, cards: Luhn), so an amount is no card. Account
numbers have none; they are taken as such only beside a word that says so.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from stdnum import luhn
from stdnum.in_ import aadhaar, gstin, pan

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


def _aadhaar(text: str) -> bool:
    groups = re.findall(r"\d{4}", text)
    years = all(group[:2] in ("19", "20") for group in groups)
    return not years and aadhaar.is_valid("".join(groups))


# Between groups of digits. Texts are searched in the form of ``_plain``, where every dash is "-" and every space " ".
_GAP = "[ -]{0,3}"
_DOT = "[ ./-]{0,3}"  # where the groups' lengths tell that it is no row of amounts

# The first kind that claims a place has it: an e-mail address before the UPI id that it looks like.
KINDS = (
    Kind("EMAIL", re.compile(r"[^\s@,;:<>()\[\]\"']{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.I)),
    Kind("UPI", re.compile(r"(?<![\w.])[\w.-]{2,}@[a-z][a-z0-9]{1,}\b", re.I)),
    Kind("GSTIN", re.compile(r"\b\d{2}[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]\b", re.I), gstin.is_valid),
    Kind(
        "PAN",
        re.compile(r"\b(?:[A-Z]{5}[ -]?\d{4}[ -]?[A-Z]|(?:[A-Z][ -]){5}(?:\d[ -]){4}[A-Z])\b", re.I),
        pan.is_valid,
    ),
    Kind("IFSC", re.compile(r"\b[A-Z]{4}0(?=\w*\d)[A-Z0-9]{6}\b", re.I)),
    # First as cards are printed, so that an expiry date behind the number is not taken for its end.
    Kind(
        "CARD",
        re.compile(
            rf"(?<![\d.,])(?:\d{{4}}(?:{_DOT}\d{{4}}){{3}}|3\d{{3}}{_DOT}\d{{6}}{_DOT}\d{{4,5}}|\d(?:{_GAP}\d){{12,18}})"
            r"(?!\d|[.,]\d)"
        ),
        _card,
    ),
    Kind("AADHAAR", re.compile(rf"(?<![\d.,])[2-9]\d{{3}}{_DOT}\d{{4}}{_DOT}\d{{4}}(?!\d|[.,]\d)"), _aadhaar),
    Kind(
        "ACCOUNT",
        re.compile(
            r"(?:\b(?:account|acct?|a/c|ac|khata|khaata)\b|खात[ाे])"
            r"(?:[\s.:#=-]*(?:with|number|num|no|nos|is|hai|नंबर|संख्या|है)(?!\w))*"
            r"[\s.:#=-]*(?P<value>\d(?:[ -]?\d){8,17})(?!\d)",
            re.I,
        ),
    ),
)
_AMOUNT_BEFORE = re.compile(r"(?:₹|\b(?:rs|inr|rupees))[\s.:]*$", re.I)
_AMOUNT_BEHIND = re.compile(r"\s*(?:/-|(?:rupees?|rupaye|lakhs?|crores?)\b|रुप[एय]|लाख|करोड़)", re.I)


def find(text: str) -> list[Found]:
    """Personal data of a text, in its order; no two overlap."""
    plain, places = _plain(text)
    found: list[Found] = []
    for one in (*_by_pattern(plain), *_phones(plain)):
        if not any(one.start < other.end and other.start < one.end for other in found):
            found.append(one)
    found.sort(key=lambda one: one.start)
    return [Found(one.kind, places[one.start], places[one.end - 1] + 1) for one in found]


def mask(text: str) -> tuple[str, list[str]]:
    """The text with ``[PAN]`` and the like in place of personal data, and the kinds that were there."""
    found = find(text)
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text, list(dict.fromkeys(one.kind for one in found))


def _plain(text: str) -> tuple[str, list[int]]:
    """A text in which all scripts' digits, dashes and spaces are ASCII's and nothing is invisible, and each place's own."""
    kept, places = [], []
    for place, character in enumerate(text):
        category = unicodedata.category(character)
        if category == "Cf":  # zero-width characters
            continue
        if character.isdecimal():
            character = str(int(character))
        elif category in ("Pd", "Zs"):
            character = "-" if category == "Pd" else " "
        else:
            wide = unicodedata.normalize("NFKC", character)
            character = wide if len(wide) == 1 else character
        kept.append(character)
        places.append(place)
    return "".join(kept), places


def _by_pattern(text: str) -> Iterator[Found]:
    for kind in KINDS:
        start = 0
        while match := kind.pattern.search(text, start):
            group = "value" if "value" in match.groupdict() else 0
            if kind.check(match[group]):
                yield Found(kind.name, match.start(group), match.end(group))
                start = match.end()
            else:  # another may begin within: a card behind its expiry date
                start = match.start() + 1


def _phones(text: str) -> Iterator[Found]:
    for match in phonenumbers.PhoneNumberMatcher(text, "IN", phonenumbers.Leniency.VALID):
        kind = phonenumbers.number_type(match.number)
        # Any ten digits may be a landline; one is written with its 0 or its country.
        landline = kind == phonenumbers.PhoneNumberType.FIXED_LINE and match.raw_string.lstrip("(").startswith(
            ("+", "0")
        )
        amount = _AMOUNT_BEFORE.search(text, 0, match.start) or _AMOUNT_BEHIND.match(text, match.end)
        if (kind in MOBILE or landline) and not amount:
            yield Found("PHONE", match.start, match.end)
