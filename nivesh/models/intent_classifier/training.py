"""Fit: fine-tune the encoder, fit the n-grams, blend both on texts that neither was trained on, export."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from nivesh.data.texts import OUT_OF_SCOPE
from nivesh.errors import DataError, NiveshError, SettingsError
from nivesh.models.intent_classifier.inference import Blend, Classifier, softmax
from nivesh.models.intent_classifier.ngrams import fit_ngrams
from nivesh.models.interface import Progress
from nivesh.spec import Split
from nivesh.text.cleaning import clean
from nivesh.text.encoder import encoder_folder
from nivesh.text.near_duplicates import held_out

TEST_SHARE = 0.15
MIN_TEXTS = 5  # of each intent: fewer leave nothing to blend on
MAX_LOGIT_DIFFERENCE = 1e-3  # between torch and ONNX


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of each intent, whole groups of near-duplicates at a time.

    Raises:
        DataError: there are too few different texts to hold any out.
    """
    mask = held_out(frame["text"], share=TEST_SHARE, seed=seed, strata=frame["intent"])
    why = "15 % of each intent at random; texts that differ only in amounts, names or spelling stay on one side"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def labels_in(frame: pd.DataFrame) -> list[str]:
    """The intents of the rows, sorted; "out_of_scope" is none."""
    return sorted(set(frame["intent"]) - {OUT_OF_SCOPE})


def fit(
    train: pd.DataFrame,
    *,
    progress: Progress,
    epochs: int = 3,
    learning_rate: float = 2e-4,
    head_rate: float = 1e-3,
    frozen_layers: int = 3,
    batch_size: int = 32,
    label_smoothing: float = 0.1,
    max_tokens: int = 96,
    inner_share: float = 0.1,
    labels_from_data: bool = False,
    seed: int = 0,
) -> Classifier:
    """Fine-tune the encoder and blend it with n-grams.

    The defaults were chosen by the experiments in docs/experiments/intent_classifier.md.

    Args:
        train: columns text and intent. Rows of intent "out_of_scope" teach low confidence and are never answered.
        progress: called with the finished fraction, 0 to 1, and what is being done.
        epochs: passes over the texts.
        learning_rate: of the encoder's layers that are trained.
        head_rate: learning rate of the new head.
        frozen_layers: lowest encoder layers (with the embeddings) that stay as they were pretrained.
        batch_size: texts a step.
        label_smoothing: share of the target spread over all intents.
        max_tokens: longer texts are cut, in training and when served.
        inner_share: share of the training texts that neither half is trained on, to blend and calibrate them.
        labels_from_data: accept rows without an intent that the champion answers; the pipeline compares them before.
        seed: of all random choices.

    Raises:
        DataError: an intent has too few texts, or the texts are nearly all the same.
        SettingsError: a parameter is out of range, or the encoder cannot be used.
    """
    if epochs < 1 or batch_size < 1 or max_tokens < 3 or not 0 < inner_share <= 0.5:
        raise SettingsError(
            "epochs and batch_size must be 1 or more, max_tokens 3 or more, inner_share above 0 up to 0.5"
        )
    intents = _intents(train)
    rows, out_of_scope = usable(train)
    classes = [*intents, OUT_OF_SCOPE] if out_of_scope else intents
    labels = rows["intent"].map({name: i for i, name in enumerate(classes)}).to_numpy(np.int64)
    inner = held_out(rows["text"], share=inner_share, seed=seed, strata=rows["intent"])
    fitting, blending = rows["text"][~inner].tolist(), rows["text"][inner].tolist()

    progress(0.02, f"n-grams of {len(fitting)} texts")
    ngrams = fit_ngrams(fitting, labels[~inner], len(classes), seed)

    from nivesh.models.intent_classifier import network as net  # imports torch

    tokenizer = _tokenizer(max_tokens)
    tokens, blending_tokens = ([e.ids for e in tokenizer.encode_batch(texts)] for texts in (fitting, blending))
    schedule = net.Schedule(epochs, learning_rate, head_rate, frozen_layers, batch_size, label_smoothing, seed)
    network = net.new_network(len(classes), schedule)
    net.train(
        network, tokens, labels[~inner], schedule,
        lambda done: progress(0.05 + 0.85 * done, f"fine-tuning on {len(fitting)} texts"),
    )  # fmt: skip

    progress(0.91, f"blending on {len(blending)} texts")
    truth = labels[inner]
    encoder_logits, ngram_logits = net.logits_of(network, blending_tokens), ngrams.logits(blending)
    blend = fit_blend(encoder_logits, ngram_logits, truth)
    facts = {
        "inner_rows": len(truth),
        "inner_accuracy": _accuracy(blend(encoder_logits, ngram_logits), truth),
        "inner_accuracy_encoder": _accuracy(encoder_logits, truth),
        "inner_accuracy_ngrams": _accuracy(ngram_logits, truth),
        "out_of_scope_texts": int((rows["intent"] == OUT_OF_SCOPE).sum()),
    }

    progress(0.93, "n-grams of all texts")
    ngrams = fit_ngrams(rows["text"].tolist(), labels, len(classes), seed)
    progress(0.96, "export to ONNX")
    with tempfile.TemporaryDirectory() as scratch:
        graphs = net.export(network, Path(scratch))
    exact, light = (
        Classifier(intents, out_of_scope, graph, quantised, tokenizer, ngrams, blend, facts)
        for graph, quantised in zip(graphs, (False, True), strict=True)
    )
    facts["parity"] = float(np.abs(exact.encoder_logits(blending) - encoder_logits).max())
    if not facts["parity"] <= MAX_LOGIT_DIFFERENCE:
        raise NiveshError(f"ONNX and torch differ by {facts['parity']:.2g} in a logit; the export cannot be served")
    facts["int8_accuracy"] = _accuracy(blend(light.encoder_logits(blending), ngram_logits), truth)
    chosen = light if facts["int8_accuracy"] >= facts["inner_accuracy"] else exact
    progress(1.0, f"int8 {'kept' if chosen.quantised else 'refused'}: {facts['int8_accuracy']:.3f} on inner texts")
    return chosen


def fit_blend(encoder: np.ndarray, ngrams: np.ndarray, labels: np.ndarray) -> Blend:
    """The two factors, not below 0, that give ``labels`` (texts,) the highest likelihood; logits (texts, classes)."""
    from scipy.optimize import minimize

    def loss(factors: np.ndarray) -> float:
        chosen = softmax(Blend(*factors)(encoder, ngrams))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    found = minimize(loss, x0=(1.0, 1.0), bounds=((0.0, 10.0), (0.0, 10.0)))
    return Blend(*(float(factor) for factor in found.x))


def _tokenizer(max_tokens: int) -> Tokenizer:
    loaded = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    loaded.no_padding()
    loaded.enable_truncation(max_tokens)
    return loaded


def _intents(train: pd.DataFrame) -> list[str]:
    counts = train.loc[train["intent"] != OUT_OF_SCOPE, "intent"].value_counts()
    if len(counts) < 2:
        raise DataError(f"texts of {len(counts)} intent: at least 2 intents with {MIN_TEXTS} texts each are needed")
    if counts.min() < MIN_TEXTS:
        raise DataError(
            f"too little to train on: {counts.idxmin()} has {counts.min()} texts, and each intent needs {MIN_TEXTS}"
        )
    return labels_in(train)


def usable(train: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """(the clean rows to train on, whether some are out of scope); too few texts out of scope are left out."""
    train = train.assign(text=train["text"].map(clean))
    outside = train["intent"] == OUT_OF_SCOPE
    if outside.sum() >= MIN_TEXTS:
        return train.reset_index(drop=True), True
    return train[~outside].reset_index(drop=True), False


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(logits.argmax(axis=1) == labels))
