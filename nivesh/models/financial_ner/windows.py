"""Word pieces of the encoder, aligned to the pipeline's tokens; long texts in overlapping windows."""

from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc
from tokenizers import Tokenizer

from nivesh.models.financial_ner import features

WINDOW = 160  # tokens looked at together
OVERLAP = 40
MOST_PIECES = 510  # the encoder has positions for 512, with [CLS] and [SEP]


@dataclass(frozen=True)
class Window:
    """The network's inputs for tokens ``start`` to ``end`` of a text.

    Attributes:
        pieces: int64 ids of word pieces with [CLS] and [SEP], shape (pieces,).
        align: float32 shape (tokens, pieces): the mean over a token's pieces as weights.
        attributes: int64 shape (tokens, 5), see ``features.attributes``.
        lexicon: float32 shape (tokens, features.LEXICON).
    """

    start: int
    end: int
    pieces: np.ndarray
    align: np.ndarray
    attributes: np.ndarray
    lexicon: np.ndarray

    def inputs(self) -> dict[str, np.ndarray]:
        """The window as a batch of one, by the names of the ONNX network's inputs."""
        return {name: getattr(self, name)[None] for name in ("pieces", "align", "attributes", "lexicon")}


def piece_tokenizer(content: str) -> Tokenizer:
    """The encoder's tokenizer from its JSON, without its own cutting and padding."""
    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def windows(doc: Doc, tokenizer: Tokenizer) -> list[Window]:
    """The windows of a text, in order; one for all but very long texts, none for a text without tokens."""
    attributes, lexicon = features.attributes(doc), features.lexicon(doc)
    words = [token.text for token in doc]
    result = []
    start = 0
    while start < len(words):
        end = min(start + WINDOW, len(words))
        pieces, align = _align(words[start:end], tokenizer)
        result.append(Window(start, end, pieces, align, attributes[start:end], lexicon[start:end]))
        if end == len(words):
            break
        start = end - OVERLAP
    return result


def join(scores: list[np.ndarray], parts: list[Window]) -> np.ndarray:
    """Scores of windows -> scores of the text; each token's from the window where it is farther from the edge."""
    kept = []
    for i, (part, rows) in enumerate(zip(parts, scores, strict=True)):
        first = 0 if i == 0 else OVERLAP // 2
        last = len(rows) if i == len(parts) - 1 else parts[i + 1].start + OVERLAP // 2 - part.start
        kept.append(rows[first:last])
    return np.concatenate(kept)


def _align(words: list[str], tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    encoding = tokenizer.encode(words, is_pretokenized=True)
    ids, of_word = encoding.ids, encoding.word_ids
    if len(ids) > MOST_PIECES + 2:  # only texts of very long words or rare signs; what is cut still has its spelling
        ids, of_word = ids[: MOST_PIECES + 1] + ids[-1:], of_word[: MOST_PIECES + 1] + [None]
    align = np.zeros((len(words), len(ids)), dtype=np.float32)
    for piece, word in enumerate(of_word):
        if word is not None:
            align[word, piece] = 1
    # A sign that the encoder drops has no piece: its row stays 0.
    return np.array(ids, dtype=np.int64), align / np.maximum(align.sum(axis=1, keepdims=True), 1)
