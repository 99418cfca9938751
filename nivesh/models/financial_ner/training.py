"""Split and fit."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
from spacy.language import Language

from nivesh.errors import DataError, SettingsError
from nivesh.models.financial_ner import baseline, tagger, tokens
from nivesh.models.financial_ner.inference import FittedNER
from nivesh.models.interface import Progress
from nivesh.spec import Split
from nivesh.text.cleaning import with_offsets
from nivesh.text.near_duplicates import held_out

TEST_SHARE = 0.15
MIN_TO_SPLIT = 20  # texts
MIN_TEXTS, MIN_SPANS = 50, 10  # to train on; spans of each label


@dataclass(frozen=True)
class Options:
    """How the network is trained; ``fit`` says what each value means."""

    iterations: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    dropout: float
    augmented: float
    frozen_layers: int
    min_texts: int
    seed: int


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of the texts, whole groups of near-duplicates at a time.

    Raises:
        DataError: fewer than 20 texts, or they are nearly all the same.
    """
    if len(frame) < MIN_TO_SPLIT:
        raise DataError(f"{len(frame)} texts are too few to hold some out; give at least {MIN_TO_SPLIT}")
    mask = held_out(frame["text"], share=TEST_SHARE, seed=seed)
    why = "15 % of the texts at random; texts that differ only in amounts, names or spelling stay on one side"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def labels_in(frame: pd.DataFrame) -> list[str]:
    """The labels of the entities, sorted."""
    return sorted({span["label"] for spans in frame["entities"] for span in spans})


def fit(
    train: pd.DataFrame,
    *,
    progress: Progress,
    iterations: int = 5,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
    head_learning_rate: float = 2e-3,
    dropout: float = 0.3,
    augmented: float = 0.5,
    frozen_layers: int = 2,
    min_texts: int = 1000,
    labels_from_data: bool = False,
    seed: int = 0,
) -> FittedNER:
    """Train the pipeline.

    The defaults were chosen by the experiments in docs/experiments/financial_ner.md.

    Args:
        train: columns text and entities.
        progress: called with the finished fraction, 0 to 1, and what is being done.
        iterations: passes over the texts.
        batch_size: texts a step.
        learning_rate: of the encoder's highest layer; lower layers learn more slowly.
        head_learning_rate: of all other weights.
        dropout: share of the token features dropped in training.
        augmented: share of the texts that are seen with entities and spelling replaced, 0 to 1.
        frozen_layers: the encoder's lowest layers that stay as they were pretrained.
        min_texts: a smaller corpus is repeated in each pass up to about as many texts, augmented anew each time.
        labels_from_data: accept rows without a label that the champion answers; the pipeline compares them before.
        seed: of all random choices.

    Raises:
        DataError: too few texts, or too few spans of a label.
        SettingsError: a parameter is out of range, or the encoder cannot be used.
    """
    counts = Counter(span["label"] for spans in train["entities"] for span in spans)
    few = [f"{count} {label}" for label, count in sorted(counts.items()) if count < MIN_SPANS]
    if len(train) < MIN_TEXTS or few or not counts:
        raise DataError(
            f"too little to train on: {len(train)} texts{''.join(f', {part}' for part in few)}; "
            f"give at least {MIN_TEXTS} texts and {MIN_SPANS} spans of each label"
        )
    if iterations < 1 or batch_size < 1 or frozen_layers < 0:
        raise SettingsError(f"{iterations=} and {batch_size=} must be at least 1, {frozen_layers=} at least 0")
    from nivesh.models.financial_ner.fit_network import fit_network  # imports torch

    progress(0.0, "preparing the texts")
    nlp = tokens.blank()
    component = cast(tagger.EntityTagger, nlp.add_pipe(tagger.FACTORY))
    options = Options(
        iterations, batch_size, learning_rate, head_learning_rate, dropout, augmented, frozen_layers, min_texts, seed
    )
    rows = [cleaned_row(text, spans) for text, spans in zip(train["text"], train["entities"], strict=True)]
    if cut := [span["text"] for row in rows for span in cut_entities(row, nlp)]:
        progress(0.0, f"{len(cut)} of {counts.total()} entities cut a word and are not learned, such as {cut[0]!r}")
    component.network = fit_network(rows, sorted(counts), nlp, options, progress)
    progress(1.0, "done")
    return FittedNER(nlp, baseline.fit(train["entities"].tolist()))


def cleaned_row(text: str, entities: list[dict[str, Any]]) -> dict[str, Any]:
    """The clean text with its entities at their places in it; entities of which nothing is left are dropped."""
    cleaned = with_offsets(text)
    spans = [(cleaned.span(span["start"], span["end"]), span["label"]) for span in entities]
    kept = [
        {"text": cleaned.text[start:end], "label": label, "start": start, "end": end}
        for (start, end), label in spans
        if end > start
    ]
    return {"text": cleaned.text, "entities": kept}


def cut_entities(row: dict[str, Any], nlp: Language) -> list[dict[str, Any]]:
    """The entities of a row that begin or end inside a token, so that no tags can express them."""
    doc = nlp.make_doc(row["text"])
    return [span for span in row["entities"] if doc.char_span(span["start"], span["end"]) is None]
