"""The tokenizer: words, runs of digits and single signs, so that no entity can begin or end inside a token.

spaCy's own English rules keep "₹5,000/-", "14SEP25" or "@zomato" in pieces that labels cut through. Here
"2.5lakh" is "2", ".", "5", "lakh" and "14SEP25" is "14", "SEP", "25"; the text is always kept exactly.
"""

import re

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

# Indian scripts write vowels as combining marks, which \w leaves out.
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0963\u0981-\u0983\u09bc-\u09e3\u0a01-\u0dff\u200c\u200d\ufe0f"
TOKEN = re.compile(rf"\d+|(?:[^\W\d_]|[{_MARKS}])+|_|[^\w\s]|\s+")


@spacy.registry.tokenizers("nivesh.fine_tokenizer.v1")
def fine_tokenizer():
    """The tokenizer's factory, named in the config of a saved pipeline."""
    return lambda nlp: FineTokenizer(nlp.vocab)


class FineTokenizer:
    """Text -> Doc whose ``text`` equals the given text in every character. It has no state to save."""

    def __init__(self, vocab: Vocab):
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        words: list[str] = []
        spaces: list[bool] = []
        for match in TOKEN.finditer(text):
            piece = match.group()
            if not piece.isspace():
                words.append(piece)
                spaces.append(False)
                continue
            if piece.startswith(" ") and words:  # spaCy stores one space with the word before it
                spaces[-1] = True
                piece = piece[1:]
            if piece:
                words.append(piece)
                spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    def to_bytes(self, **kwargs) -> bytes:
        return b""

    def from_bytes(self, data: bytes, **kwargs) -> "FineTokenizer":
        return self

    def to_disk(self, path, **kwargs) -> None:
        pass

    def from_disk(self, path, **kwargs) -> "FineTokenizer":
        return self


def blank() -> Language:
    """An English pipeline with this tokenizer and nothing else."""
    return spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "nivesh.fine_tokenizer.v1"}}})
