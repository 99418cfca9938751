"""Augmentation: texts whose entities are replaced by others of the same label and whose spelling is varied."""

import numpy as np

from nivesh.models.financial_ner import substitutes
from nivesh.models.financial_ner.lexicon import WORDS

REPLACED = 0.6  # share of the spans of a text that get another text
JOINED = 0.1  # share of texts that are followed by a second one
EMOJI = 0.05
EMOJIS = tuple(
    [
        "🙂",
        "😂",
        "🙏",
        "😭",
        "🙈",
        "💸",
        "🍕",
        "👍🏽",
        "❤️",
        "🤔",
        "😅",
        "🎉",
        "🔥",
        "💰",
        "🥲",
        "👨\u200d👩\u200d👧",
        "🏠",
        "✅",
    ]
)
FROM_ROWS = 0.35  # share of the replacements that come from the training rows themselves


class Augmenter:
    """Row -> another row that is labelled right by construction: offsets are counted anew from the pieces."""

    def __init__(self, rows: list[dict], rng: np.random.Generator):
        self._rows, self._rng = rows, rng
        self._seen: dict[str, list[str]] = {}
        for row in rows:
            for span in row["entities"]:
                self._seen.setdefault(span["label"], []).append(span["text"])

    def __call__(self, row: dict) -> dict:
        pieces = pieces_of(row)
        if self._rng.random() < JOINED:
            other = self._rows[self._rng.integers(len(self._rows))]
            if len(row["text"]) + len(other["text"]) < 300:
                glue = (". ", " ", ", ", "\n")[self._rng.integers(4)]
                pieces = [*pieces, (glue, None), *pieces_of(other)]
        pieces = [(self._replaced(text, label), label) for text, label in pieces]
        if self._rng.random() < EMOJI:
            pieces.append((" " + EMOJIS[self._rng.integers(len(EMOJIS))], None))
        return row_of(self._respelt(pieces))

    def _replaced(self, text: str, label: str | None) -> str:
        rng = self._rng
        if label is None or rng.random() > REPLACED:
            return text
        if rng.random() < FROM_ROWS:
            new = self._seen[label][rng.integers(len(self._seen[label]))]
            # A bare number or a bare bank's name is an entity only by what stands around it.
            return text if new.isdigit() or new.casefold() in _BANKS else like(text, new)
        if label == "MONEY":
            return substitutes.amount(rng, bare=text[0].isdigit())
        make = substitutes.MAKERS.get(label)  # labels of other data have none
        return like(text, make(rng)) if make else text

    def _respelt(self, pieces: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
        rng = self._rng
        draw = rng.random()
        if draw < 0.25:
            pieces = [(text.lower(), label) for text, label in pieces]
        elif draw < 0.29:
            pieces = [(text.upper(), label) for text, label in pieces]
        if rng.random() < 0.25:
            pieces = [("".join(c for c in text if label or c not in ",.?!;"), label) for text, label in pieces]
        if rng.random() < 0.25:
            pieces = [(_typos(text, rng) if label != "MONEY" else text, label) for text, label in pieces]
        return pieces


_BANKS = frozenset(WORDS["banks"])


def pieces_of(row: dict) -> list[tuple[str, str | None]]:
    """A text cut into its spans (text, label) and what is between them (text, None)."""
    pieces, at = [], 0
    for span in row["entities"]:
        pieces += [(row["text"][at : span["start"]], None), (span["text"], span["label"])]
        at = span["end"]
    return [*pieces, (row["text"][at:], None)]


def row_of(pieces: list[tuple[str, str | None]]) -> dict:
    """The pieces joined to a text with its entities; pieces of white space alone are no entities."""
    text, entities = "", []
    for piece, label in pieces:
        if label and piece.strip():
            start = len(text) + len(piece) - len(piece.lstrip())
            kept = piece.strip()
            entities.append({"text": kept, "label": label, "start": start, "end": start + len(kept)})
        text += piece
    return {"text": text, "entities": entities}


def like(old: str, new: str) -> str:
    """The new text in the old one's case: all capitals, all small, or as a name is written."""
    letters = [c for c in old if c.isalpha()]
    if len(letters) > 2 and old.upper() == old:
        return new.upper()
    if letters and letters[0].isupper():
        return " ".join(word[:1].upper() + word[1:] for word in new.split(" "))
    return new.lower() if letters else new


def _typos(text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) > 3 and word.isalpha() and rng.random() < 0.15:
            at = int(rng.integers(1, len(word) - 1))
            change = rng.integers(4)
            if change == 0:
                words[i] = word[:at] + word[at + 1 :]
            elif change == 1:
                words[i] = word[:at] + word[at] + word[at:]
            elif change == 2:
                words[i] = word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
            else:
                words[i] = word[0] + "".join(c for c in word[1:] if c not in "aeiou")
    return " ".join(words)
