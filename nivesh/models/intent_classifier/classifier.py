"""The trained classifier as it is served: onnxruntime, tokenizers and numpy, no torch."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from nivesh.errors import DataError
from nivesh.models.intent_classifier.ngrams import Ngrams
from nivesh.settings import thread_count

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "logits"  # of the ONNX graph
BATCH = 64
ALTERNATIVES = 3


@dataclass(frozen=True)
class Blend:
    """Logits of the ensemble = ``encoder`` x the network's logits + ``ngrams`` x the n-grams' logits.

    Both factors are fitted together on texts that neither saw, so they also set the temperature.
    """

    encoder: float
    ngrams: float

    def __call__(self, encoder: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
        return self.encoder * encoder + self.ngrams * ngrams


@dataclass
class Classifier:
    """Encoder and n-grams with their blend.

    Attributes:
        intents: names of the first columns of all logits, sorted.
        outside: whether one more column stands for "belongs to no intent".
        graph: the network as ONNX.
        quantised: whether the graph computes in int8.
        tokenizer: cuts texts to the network's length; does not pad.
        facts: what training found out about itself, plain values for the model card and the tests.
    """

    intents: list[str]
    outside: bool
    graph: bytes
    quantised: bool
    tokenizer: Tokenizer
    ngrams: Ngrams
    blend: Blend
    facts: dict = field(default_factory=dict)

    def __post_init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probability of each intent, (texts, intents); a row sums to 1 less what belongs to no intent."""
        logits = self.blend(self.encoder_logits(texts), self.ngrams.logits(texts))
        return softmax(logits)[:, : len(self.intents)]

    def ngram_guess(self, texts: list[str]) -> np.ndarray:
        """Column of the intent that the n-grams alone would answer, (texts,)."""
        return self.ngrams.logits(texts)[:, : len(self.intents)].argmax(axis=1)

    def encoder_logits(self, texts: list[str]) -> np.ndarray:
        """The network's logits, (texts, intents and perhaps "outside")."""
        rows = [encoded.ids for encoded in self.tokenizer.encode_batch(texts)]
        order = np.argsort([len(row) for row in rows], kind="stable")  # like lengths together: less padding
        out = np.empty((len(rows), len(self.intents) + self.outside), np.float32)
        size = 1 if self.quantised else BATCH  # int8 scales are of a whole batch: neighbours would change an answer
        for start in range(0, len(rows), size):
            chosen = order[start : start + size]
            fed = dict(zip(INPUTS, padded([rows[i] for i in chosen]), strict=True))
            out[chosen] = self._session.run([OUTPUT], fed)[0]
        return out

    def answers(self, texts: list[str]) -> list[dict]:
        """The best intent of each text with its confidence, and the next three.

        Raises:
            DataError: a text is empty.
        """
        for text in texts:
            if not text or not text.strip():
                raise DataError("the text is empty; ask something, such as 'Can I afford a car loan?'")
        if not texts:
            return []
        answers = []
        for row in self.probabilities(texts):
            ranked = [
                {"intent": self.intents[i], "confidence": float(row[i])}
                for i in np.argsort(-row, kind="stable")[: ALTERNATIVES + 1]
            ]
            answers.append({**ranked[0], "alternatives": ranked[1:]})
        return answers

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "encoder.onnx").write_bytes(self.graph)
        self.tokenizer.save(str(folder / "tokenizer.json"))
        self.ngrams.save(folder)
        written = {
            "intents": self.intents,
            "outside": self.outside,
            "quantised": self.quantised,
            "blend": {"encoder": self.blend.encoder, "ngrams": self.blend.ngrams},
            "facts": self.facts,
        }
        (folder / "classifier.json").write_text(json.dumps(written, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        written = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        return cls(
            intents=written["intents"],
            outside=written["outside"],
            quantised=written["quantised"],
            graph=(folder / "encoder.onnx").read_bytes(),
            tokenizer=Tokenizer.from_file(str(folder / "tokenizer.json")),
            ngrams=Ngrams.load(folder),
            blend=Blend(**written["blend"]),
            facts=written["facts"],
        )


def padded(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids filled up with 0 to the longest row, and their mask; both int64, (rows, tokens)."""
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of each row's classes, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
