"""What the model knows of a token beside its word pieces: spelling, shape and whether the lexicon has it."""

import re
import unicodedata
from collections import defaultdict
from functools import cache, lru_cache
from zlib import crc32

import numpy as np
from spacy.tokens import Doc

from nivesh.models.financial_ner.lexicon import KINDS
from nivesh.models.financial_ner.tokens import TOKEN

# Rows of the embedding table of each hashed attribute; row 0 is kept for "dropped in training".
TABLES = {"norm": 4096, "sound": 4096, "prefix": 1024, "suffix": 1024, "shape": 256}
LEXICON = 3 * len(KINDS)  # for each kind: begins an item, continues one, sounds like one of one word


def attributes(doc: Doc) -> np.ndarray:
    """Hashed spelling attributes, int64 of shape (tokens, 5), in the order of ``TABLES``."""
    spaced = [False, *(bool(token.whitespace_) for token in doc)][: len(doc)]
    rows = [_hashes(token.text, before) for token, before in zip(doc, spaced, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(len(doc), len(TABLES))


def lexicon(doc: Doc) -> np.ndarray:
    """Longest matches of each kind of the lexicon, float32 of shape (tokens, LEXICON)."""
    words = [token.text.casefold() for token in doc]
    found = np.zeros((len(words), LEXICON), dtype=np.float32)
    entries, sounds = _entries(), _sounds()
    for column, kind in enumerate(KINDS):
        items = entries[kind]
        at = 0
        while at < len(words):
            lengths = items.get(words[at], ())
            length = next((len(item) for item in lengths if tuple(words[at : at + len(item)]) == item), 0)
            if length:
                found[at, 3 * column] = 1
                found[at + 1 : at + length, 3 * column + 1] = 1
            at += length or 1
        found[[sound(word) in sounds[kind] for word in words], 3 * column + 2] = 1
    return found


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """What stays of a word however its vowels and doubled letters are spelt: "sallary", "salary" -> "slry"."""
    folded = word.casefold().replace("ph", "f").replace("z", "j").replace("w", "v").replace("ck", "k").replace("q", "k")
    kept = folded[:1] + re.sub(r"[aeiou]", "", folded[1:])
    return re.sub(r"(.)\1+", r"\1", kept)


@lru_cache(maxsize=50_000)
def _hashes(word: str, space_before: bool) -> tuple[int, ...]:
    norm = re.sub(r"\d", "0", unicodedata.normalize("NFKC", word).casefold())
    shape = "".join("d" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    shape = re.sub(r"(x)x{3,}|(X)X{3,}|(d)d{5,}", lambda m: (m[1] or m[2] or m[3]) * 4, shape)
    values = (norm, sound(norm) if norm.isalpha() else norm, norm[:3], norm[-3:], shape + ("+" if space_before else ""))
    return tuple(1 + crc32(value.encode()) % (size - 1) for value, size in zip(values, TABLES.values(), strict=True))


@cache
def _entries() -> dict[str, dict[str, tuple[tuple[str, ...], ...]]]:
    """Kind -> first word -> the tokenized items that begin with it, longest first."""
    result = {}
    for kind, items in KINDS.items():
        by_first = defaultdict(set)
        for item in items:
            words = tuple(piece for piece in TOKEN.findall(item) if not piece.isspace())
            by_first[words[0]].add(words)
        result[kind] = {first: tuple(sorted(group, key=len, reverse=True)) for first, group in by_first.items()}
    return result


@cache
def _sounds() -> dict[str, frozenset[str]]:
    """Kind -> the sounds of its items of one word that are long enough to tell something."""
    return {
        kind: frozenset(sound(item) for item in items if item.isalpha() and len(sound(item)) > 2)
        for kind, items in KINDS.items()
    }
