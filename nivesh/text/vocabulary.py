"""Numbers that describe a text for monitoring: how long it is, and how much of it the encoder's vocabulary does not have."""

import json
import re
from functools import cache

from nivesh.text.cleaning import clean
from nivesh.text.encoder import encoder_folder
from nivesh.text.language import is_hinglish
from nivesh.text.personal_data import mask

WORD = re.compile(r"[^\W\d_]+[\u0900-\u097f]*")


def text_columns(text: str) -> dict[str, float | str | None]:
    """``words``, ``unknown_word_share`` (None without a word) and ``hinglish`` (yes or no) of a text.

    Personal data are masked first, as they are in the prediction log, so that a text from there and the same text from a
    file have the same numbers.
    """
    shown, _ = mask(clean(text))
    return {
        "words": len(shown.split()),
        "unknown_word_share": unknown_word_share(shown),
        "hinglish": "yes" if is_hinglish(shown) else "no",
    }


def unknown_word_share(text: str) -> float | None:
    """Part of the words that are no whole word of the encoder's vocabulary, 0 to 1; None where there is no word."""
    words = WORD.findall(text.casefold())
    return sum(word not in known_words() for word in words) / len(words) if words else None


@cache
def known_words() -> frozenset[str]:
    """The encoder's whole words: those of its word pieces that begin a word.

    Raises:
        SettingsError: there is no encoder.
    """
    pieces = json.loads((encoder_folder() / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(piece for piece in pieces if not piece.startswith("##"))
