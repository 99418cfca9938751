"""One normal form of identifiers and words, for files, requests and keys of the feature store alike."""

import re
import unicodedata
from typing import Annotated

from pydantic import BeforeValidator

# Zero-width space, word joiner, byte order mark, soft hyphen. The joiners U+200C and U+200D stay: Indic scripts use them.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))


def normalize(text: str) -> str:
    """Unicode NFC, without invisible characters and without white space at the ends.

    Two spellings that a person cannot tell apart become the same text; case and inner spaces are kept.
    """
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text.translate(INVISIBLE)).strip()


def category_name(text: str) -> str:
    """A word of a closed list in one spelling: "Self-Employed " -> "self_employed"."""
    return re.sub(r"[\s_/-]+", "_", normalize(text).casefold())


# Field types of requests. What is not a text is left to pydantic to refuse.
NormalizedText = Annotated[str, BeforeValidator(lambda v: normalize(v) if isinstance(v, str) else v)]
CategoryName = Annotated[str, BeforeValidator(lambda v: category_name(v) if isinstance(v, str) else v)]
