"""Fit: fine-tune the encoder, fit the n-grams, blend both on texts that neither saw, export. Needs torch."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from tokenizers import Tokenizer

from nivesh.errors import DataError, NiveshError, SettingsError
from nivesh.models.intent_classifier import network as net
from nivesh.models.intent_classifier.classifier import Blend, Classifier, softmax
from nivesh.models.intent_classifier.division import held_out
from nivesh.models.intent_classifier.ngrams import fit_ngrams
from nivesh.models.intent_classifier.outside import outside_texts
from nivesh.settings import thread_count
from nivesh.text.encoder import encoder_folder

FEWEST = 5  # texts of each intent: fewer leave nothing to blend on
OUTSIDE = "(no intent)"
PARITY = 1e-3  # largest difference of a logit between torch and ONNX
Progress = Callable[[float, str], None]


def fit_classifier(
    train: pd.DataFrame, schedule: net.Schedule, *, max_tokens: int, inner_share: float, progress: Progress
) -> Classifier:
    """Train on checked rows of text and intent; the arguments are explained at the package's ``fit``.

    Raises:
        DataError: too few or too similar texts.
        SettingsError: an argument is out of range, or the encoder cannot be used.
    """
    if schedule.epochs < 1 or schedule.batch_size < 1 or max_tokens < 3 or not 0 < inner_share <= 0.5:
        raise SettingsError(
            "epochs and batch_size must be 1 or more, max_tokens 3 or more, inner_share above 0 up to 0.5"
        )
    torch.set_num_threads(thread_count())
    intents = _intents(train)
    outside, _ = outside_texts()
    outside = outside if len(outside) >= FEWEST else []
    names = [*intents, OUTSIDE] if outside else intents
    rows = pd.DataFrame({"text": [*train["text"], *outside], "intent": [*train["intent"], *[OUTSIDE] * len(outside)]})
    labels = rows["intent"].map({name: i for i, name in enumerate(names)}).to_numpy(np.int64)
    inner = held_out(rows, inner_share, schedule.seed)
    if not inner.any():
        raise DataError("the texts are nearly all the same but for amounts and names; write different ones")
    seen, unseen = rows["text"][~inner].tolist(), rows["text"][inner].tolist()

    progress(0.02, f"n-grams of {len(seen)} texts")
    ngrams = fit_ngrams(seen, labels[~inner], len(names), schedule.seed)

    tokenizer = _tokenizer(max_tokens)
    tokens, unseen_tokens = ([e.ids for e in tokenizer.encode_batch(texts)] for texts in (seen, unseen))
    network = net.new_network(encoder_folder(), len(names), schedule)
    net.train(
        network, tokens, labels[~inner], schedule,
        lambda done: progress(0.05 + 0.85 * done, f"fine-tuning on {len(seen)} texts"),
    )  # fmt: skip

    progress(0.91, f"blending on {len(unseen)} texts")
    truth = labels[inner]
    encoder_logits, ngram_logits = net.logits_of(network, unseen_tokens), ngrams.logits(unseen)
    blend = fit_blend(encoder_logits, ngram_logits, truth)
    facts = {
        "inner_rows": len(truth),
        "inner_accuracy": _accuracy(blend(encoder_logits, ngram_logits), truth),
        "inner_accuracy_encoder": _accuracy(encoder_logits, truth),
        "inner_accuracy_ngrams": _accuracy(ngram_logits, truth),
        "outside_texts": len(outside),
    }

    progress(0.93, "n-grams of all texts")
    ngrams = fit_ngrams(rows["text"].tolist(), labels, len(names), schedule.seed)
    progress(0.96, "export to ONNX")
    exact, light = (
        Classifier(intents, bool(outside), graph, quantised, tokenizer, ngrams, blend, facts)
        for graph, quantised in zip(_graphs(network), (False, True), strict=True)
    )
    said = exact.encoder_logits(unseen)
    facts["parity"] = float(np.abs(said - encoder_logits).max())
    if not facts["parity"] <= PARITY:
        raise NiveshError(f"ONNX and torch differ by {facts['parity']:.2g} in a logit; the export cannot be served")
    facts["int8_accuracy"] = _accuracy(blend(light.encoder_logits(unseen), ngram_logits), truth)
    chosen = light if facts["int8_accuracy"] >= facts["inner_accuracy"] else exact
    progress(1.0, f"int8 {'kept' if chosen.quantised else 'refused'}: {facts['int8_accuracy']:.3f} on inner texts")
    return chosen


def fit_blend(encoder: np.ndarray, ngrams: np.ndarray, labels: np.ndarray) -> Blend:
    """The two factors, not below 0, that give ``labels`` (texts,) the highest likelihood; logits (texts, classes)."""

    def loss(factors: np.ndarray) -> float:
        chosen = softmax(Blend(*factors)(encoder, ngrams))[np.arange(len(labels)), labels]
        return -np.log(np.maximum(chosen, 1e-12)).mean()

    found = minimize(loss, x0=(1.0, 1.0), bounds=((0.0, 10.0), (0.0, 10.0)))
    return Blend(*(float(factor) for factor in found.x))


def _tokenizer(max_tokens: int) -> Tokenizer:
    loaded = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    loaded.no_padding()
    loaded.enable_truncation(max_tokens)
    return loaded


def _intents(train: pd.DataFrame) -> list[str]:
    counts = train["intent"].value_counts()
    if len(counts) < 2:
        raise DataError(f"texts of {len(counts)} intent: at least 2 intents with {FEWEST} texts each are needed")
    if counts.min() < FEWEST:
        raise DataError(
            f"too little to learn from: {counts.idxmin()} has {counts.min()} texts, and each intent needs {FEWEST}"
        )
    return sorted(counts.index)


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(logits.argmax(axis=1) == labels))


def _graphs(network: net.Network) -> tuple[bytes, bytes]:
    """The network as ONNX, in float32 and in int8."""
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch, "full.onnx"), Path(scratch, "int8.onnx")
        net.to_onnx(network, full)
        net.quantise(full, small)
        return full.read_bytes(), small.read_bytes()
