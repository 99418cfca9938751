"""Texts without characters that nobody sees, in one Unicode form; with the way back to the text as given."""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from pydantic import AfterValidator

# Controls, format characters (zero-width spaces, marks of direction, soft hyphens, tags), surrogates, private use,
# unassigned. White space among the controls stays.
DROPPED_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn")
WHITE_SPACE = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"
JOINERS = "\u200c\u200d"  # between letters of Indic scripts they change what is written, and stay there
FIRST_INDIC, LAST_INDIC = "\u0900", "\u0dff"  # Devanagari to Sinhala
# Fillers and selectors without a shape of their own that Unicode counts as letters or marks.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


class CleanText(NamedTuple):
    """A clean text, and where its characters stand in the text as given.

    Attributes:
        text: without invisible characters, in NFC.
        starts: of each character, the offset in the text as given at which it begins.
        ends: of each character, the offset after it.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of a span that is not empty in ``text`` -> offsets in the text as given."""
        return self.starts[start], self.ends[end - 1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of a span in the text as given -> offsets in ``text``; both are equal where nothing is left of it."""
        first = sum(1 for place in self.ends if place <= start)
        return first, max(first, sum(1 for place in self.starts if place < end))


def clean(text: str) -> str:
    """The text without invisible characters, in NFC. Spaces and line breaks stay as they are."""
    return text if _is_plain(text) else with_offsets(text).text


def with_offsets(text: str) -> CleanText:
    """``clean``, with the offsets of what is left."""
    if _is_plain(text):
        return CleanText(text, list(range(len(text))), list(range(1, len(text) + 1)))
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def close(segment: str, start: int, end: int) -> None:
        composed = unicodedata.normalize("NFC", segment)
        out.append(composed)
        starts.extend([start] * len(composed))
        ends.extend([end] * len(composed))

    segment, begin, end = "", 0, 0
    for place, character in enumerate(text):
        if is_invisible(character) and not _joins_indic(text, place):
            continue
        if segment and _is_boundary(segment, character):
            close(segment, begin, end)
            segment = ""
        if not segment:
            begin = place
        segment, end = segment + character, place + 1
    close(segment, begin, end)
    return CleanText("".join(out), starts, ends)


@lru_cache(maxsize=10_000)
def is_invisible(character: str) -> bool:
    """Whether a character has no shape and is no white space."""
    if character in WHITE_SPACE:
        return False
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return is_selector or character in INVISIBLE or unicodedata.category(character) in DROPPED_CATEGORIES


def check_visible(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: it is blank, or has invisible characters only.
    """
    if not clean(text).strip():
        raise ValueError("the text is blank; write at least one word")
    return text


Visible = AfterValidator(check_visible)  # of a request's field: refuses texts in which nobody sees anything


def _is_plain(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not any(is_invisible(character) for character in text))


def _is_boundary(segment: str, character: str) -> bool:
    """Whether NFC never joins a character to what stands before it."""
    before = unicodedata.normalize("NFC", segment)
    return (
        not unicodedata.combining(character) and unicodedata.normalize("NFC", before + character) == before + character
    )


def _joins_indic(text: str, place: int) -> bool:
    if text[place] not in JOINERS or not 0 < place < len(text) - 1:
        return False
    return all(FIRST_INDIC <= neighbour <= LAST_INDIC for neighbour in (text[place - 1], text[place + 1]))
