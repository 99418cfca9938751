"""The trained classifier as it is served: onnxruntime, tokenizers and numpy, no torch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tokenizers import Tokenizer

from nivesh.errors import DataError
from nivesh.models.intent_classifier.ngrams import Ngrams
from nivesh.text.cleaning import clean
from nivesh.text.onnx_session import open_session

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "logits"  # of the ONNX graph
BATCH = 64
ALTERNATIVES = 3
FILE = "classifier.json"


@dataclass(frozen=True)
class Blend:
    """Logits of the ensemble = ``encoder`` x the network's logits + ``ngrams`` x the n-grams' logits.

    Both factors are fitted together on texts that neither was trained on, so they also set the temperature.
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
        out_of_scope: whether one more column stands for texts of no intent.
        graph: the network as ONNX.
        quantised: whether the graph computes in int8.
        tokenizer: cuts texts to the network's length; does not pad.
        facts: measurements of the training, plain values for the model card and the tests.
    """

    intents: list[str]
    out_of_scope: bool
    graph: bytes
    quantised: bool
    tokenizer: Tokenizer
    ngrams: Ngrams
    blend: Blend
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._session = open_session(self.graph)

    @property
    def labels(self) -> list[str]:
        """The intents that the model can answer."""
        return self.intents

    def probabilities(self, texts: list[str]) -> NDArray[np.float64]:
        """Calibrated probability of each intent, shape (texts, intents).

        A row sums to 1 less the probability that the text has no intent.
        """
        cleaned = [clean(text) for text in texts]
        logits = self.blend(self.encoder_logits(cleaned), self.ngrams.logits(cleaned))
        return softmax(logits)[:, : len(self.intents)]

    def encoder_logits(self, texts: list[str]) -> NDArray[np.float32]:
        """The network's logits, shape (texts, classes): the intents, and out of scope where that was trained."""
        rows = [encoded.ids for encoded in self.tokenizer.encode_batch(texts)]
        order = np.argsort([len(row) for row in rows], kind="stable")  # like lengths together: less padding
        logits = np.empty((len(rows), len(self.intents) + self.out_of_scope), np.float32)
        size = 1 if self.quantised else BATCH  # int8 scales are of a whole batch: neighbours would change an answer
        for start in range(0, len(rows), size):
            chosen = order[start : start + size]
            inputs = dict(zip(INPUTS, padded([rows[i] for i in chosen]), strict=True))
            logits[chosen] = self._session.run([OUTPUT], inputs)[0]
        return logits


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows as they are: the model reads texts."""
    return frame


def predict(model: Classifier, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best intent of each request {"query"} with its confidence, and the next three.

    Raises:
        DataError: a query is no string, or blank.
    """
    return _answers(model, [request["query"] for request in requests])


def predict_frame(model: Classifier, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with the columns predicted_intent and confidence added. ``history`` is not needed."""
    answers = _answers(model, frame["text"].tolist())
    return frame.assign(
        predicted_intent=[answer["intent"] for answer in answers],
        confidence=[answer["confidence"] for answer in answers],
    )


def save(model: Classifier, folder: Path) -> None:
    """Write encoder.onnx, tokenizer.json, ngrams.json, ngrams.npz and classifier.json."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.onnx").write_bytes(model.graph)
    model.tokenizer.save(str(folder / "tokenizer.json"))
    model.ngrams.save(folder)
    written = {
        "intents": model.intents,
        "out_of_scope": model.out_of_scope,
        "quantised": model.quantised,
        "blend": asdict(model.blend),
        "facts": model.facts,
    }
    (folder / FILE).write_text(json.dumps(written, indent=2), encoding="utf-8")


def load(folder: Path) -> Classifier:
    """The model that ``save`` wrote.

    Raises:
        DataError: the folder holds no such model.
    """
    folder = Path(folder)
    if not (folder / FILE).is_file():
        raise DataError(f"{folder}: there is no intent classifier (no {FILE}); give the folder of a saved one")
    written = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Classifier(
        intents=written["intents"],
        out_of_scope=written["out_of_scope"],
        quantised=written["quantised"],
        graph=(folder / "encoder.onnx").read_bytes(),
        tokenizer=Tokenizer.from_file(str(folder / "tokenizer.json")),
        ngrams=Ngrams.load(folder),
        blend=Blend(**written["blend"]),
        facts=written["facts"],
    )


def padded(rows: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids filled up with 0 to the longest row, and their mask; both of shape (rows, tokens)."""
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def softmax(logits: np.ndarray) -> NDArray[np.float64]:
    """Probabilities of each row's classes."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _answers(model: Classifier, texts: list[str]) -> list[dict[str, Any]]:
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"the text must be a string, not {type(text).__name__}")
        if not clean(text).strip():
            raise DataError("the text is empty; ask something, such as 'Can I afford a car loan?'")
    if not texts:
        return []
    answers = []
    for row in model.probabilities(texts):
        ranked = [
            {"intent": model.intents[i], "confidence": float(row[i])}
            for i in np.argsort(-row, kind="stable")[: ALTERNATIVES + 1]
        ]
        answers.append({**ranked[0], "alternatives": ranked[1:]})
    return answers
