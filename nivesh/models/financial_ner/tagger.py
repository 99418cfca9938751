"""The spaCy component that serves the network: ONNX scores, then the best allowed tags, as ``doc.ents``."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from tokenizers import Tokenizer

from nivesh.errors import BundleError
from nivesh.models.financial_ner import tags, windows
from nivesh.settings import thread_count

FACTORY = "nivesh_entity_tagger"
NETWORK, PIECES, STEPS = "network.onnx", "tokenizer.json", "transitions.json"


@Language.factory(FACTORY, assigns=["doc.ents"])
def create(nlp: Language, name: str) -> "EntityTagger":
    """The component without a network; ``from_disk`` or ``with_network`` gives it one."""
    return EntityTagger()


class EntityTagger:
    """Sets ``doc.ents`` of a Doc made by ``tokens.FineTokenizer``. Calls from several threads do not disturb each other.

    Attributes:
        network: The ONNX file's content.
        pieces: The word-piece tokenizer's JSON.
        transitions: {"start", "step", "end"}: what is added to the scores of sequences of tags, see ``tags.viterbi``.
    """

    def __init__(self):
        self.network, self.pieces, self.transitions = b"", "", {}

    def with_network(self, network: bytes, pieces: str, transitions: dict[str, list]) -> "EntityTagger":
        """Take a trained network; what the old one had built is dropped."""
        self.network, self.pieces, self.transitions = network, pieces, transitions
        for built in ("_session", "_tokenizer", "_steps"):
            self.__dict__.pop(built, None)
        return self

    def __call__(self, doc: Doc) -> Doc:
        found = self.scores(doc)
        spans = tags.decode(tags.viterbi(found, *self._steps)) if len(found) else []
        doc.ents = [Span(doc, *_without_space(doc, start, end), label=label) for start, end, label in spans]
        return doc

    def scores(self, doc: Doc) -> np.ndarray:
        """The network's score of each tag for each token, float32 of shape (tokens, tags)."""
        parts = windows.windows(doc, self._tokenizer)
        if not parts:
            return np.zeros((0, len(tags.TAGS)), dtype=np.float32)
        return windows.join([self._session.run(None, part.inputs())[0][0] for part in parts], parts)

    def to_disk(self, path: str | Path, *, exclude=()) -> None:
        """Write the network, the word pieces and the transitions into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / NETWORK).write_bytes(self.network)
        (path / PIECES).write_text(self.pieces, encoding="utf-8")
        (path / STEPS).write_text(json.dumps(self.transitions), encoding="utf-8")

    def from_disk(self, path: str | Path, *, exclude=()) -> "EntityTagger":
        """Read what ``to_disk`` wrote.

        Raises:
            BundleError: a file is missing or does not fit this version of the code.
        """
        path = Path(path)
        try:
            transitions = json.loads((path / STEPS).read_text(encoding="utf-8"))
            network, pieces = (path / NETWORK).read_bytes(), (path / PIECES).read_text(encoding="utf-8")
        except (OSError, json.JSONDecodeError) as error:
            raise BundleError(f"{path}: the entity tagger cannot be read ({error}); train the model again") from None
        if transitions.get("tags") != list(tags.TAGS):
            raise BundleError(f"{path}: the entity tagger has other tags than this version; train the model again")
        return self.with_network(network, pieces, transitions)

    @cached_property
    def _session(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self.network, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return windows.piece_tokenizer(self.pieces)

    @cached_property
    def _steps(self) -> tuple[np.ndarray, ...]:
        return tuple(np.array(self.transitions[name], dtype=np.float32) for name in ("start", "step", "end"))


def _without_space(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Tokens of a span without those of white space at its ends (double spaces and line breaks are tokens)."""
    while end - start > 1 and doc[end - 1].is_space:
        end -= 1
    while end - start > 1 and doc[start].is_space:
        start += 1
    return start, end
