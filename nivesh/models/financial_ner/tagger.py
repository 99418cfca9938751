"""The spaCy component that serves the network: ONNX scores, then the best allowed tags, as ``doc.ents``."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import biluo_tags_to_spans
from tokenizers import Tokenizer

from nivesh.errors import BundleError
from nivesh.models.financial_ner import windows
from nivesh.models.financial_ner.tags import Transitions, viterbi
from nivesh.text.onnx_session import open_session

FACTORY = "nivesh_entity_tagger"
NETWORK, PIECES, TAGS = "network.onnx", "tokenizer.json", "tags.json"


@dataclass(frozen=True)
class Network:
    """A trained network as it is served.

    Attributes:
        graph: the ONNX file's content.
        pieces: JSON of the word-piece tokenizer.
        tags: BILOU tags, the columns of the network's scores.
        transitions: "start", "step" and "end": what is added to the scores of sequences of tags, see ``tags.viterbi``.
    """

    graph: bytes
    pieces: str
    tags: tuple[str, ...]
    transitions: dict[str, Any]

    @cached_property
    def session(self) -> Any:
        return open_session(self.graph)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return windows.piece_tokenizer(self.pieces)

    @cached_property
    def steps(self) -> Transitions:
        start, step, end = (np.array(self.transitions[name], dtype=np.float32) for name in ("start", "step", "end"))
        return start, step, end


@Language.factory(FACTORY, assigns=["doc.ents"])
def create(nlp: Language, name: str) -> "EntityTagger":
    """The component without a network; ``from_disk`` or the attribute ``network`` gives it one."""
    return EntityTagger()


class EntityTagger:
    """Sets ``doc.ents`` of a Doc made by ``tokens.FineTokenizer``. It is safe to call from several threads."""

    network: Network

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities, in the order of the network's tags."""
        return tuple(tag[2:] for tag in self.network.tags if tag.startswith("U-"))

    def __call__(self, doc: Doc) -> Doc:
        scores = self.scores(doc)
        if len(scores):
            best = [self.network.tags[i] for i in viterbi(scores, *self.network.steps)]
            spans = (_without_space(span) for span in biluo_tags_to_spans(doc, best))
            doc.ents = [span for span in spans if len(span)]
        return doc

    def scores(self, doc: Doc) -> NDArray[np.float32]:
        """The network's score of each tag for each token, shape (tokens, tags)."""
        parts = windows.windows(doc, self.network.tokenizer)
        if not parts:
            return np.zeros((0, len(self.network.tags)), dtype=np.float32)
        return windows.join([self.network.session.run(None, part.inputs())[0][0] for part in parts], parts)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the network, the word pieces, the tags and their transitions into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / NETWORK).write_bytes(self.network.graph)
        (path / PIECES).write_text(self.network.pieces, encoding="utf-8")
        content = {"tags": self.network.tags, **self.network.transitions}
        (path / TAGS).write_text(json.dumps(content), encoding="utf-8")

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "EntityTagger":
        """Read what ``to_disk`` wrote.

        Raises:
            BundleError: a file is missing or does not fit the others.
        """
        path = Path(path)
        try:
            transitions = json.loads((path / TAGS).read_text(encoding="utf-8"))
            tags = tuple(transitions.pop("tags"))
            graph, pieces = (path / NETWORK).read_bytes(), (path / PIECES).read_text(encoding="utf-8")
            self.network = Network(graph, pieces, tags, transitions)
            if self.network.steps[1].shape != (len(tags), len(tags)):
                raise ValueError(f"transitions of {self.network.steps[1].shape} for {len(tags)} tags")
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(f"{path}: the entity tagger cannot be read ({error}); train the model again") from None
        return self


def _without_space(span: Span) -> Span:
    """The span without tokens of white space at its ends (double spaces and line breaks are tokens)."""
    words = [token.i for token in span if not token.is_space]
    return Span(span.doc, words[0], words[-1] + 1, label=span.label) if words else span.doc[:0]
