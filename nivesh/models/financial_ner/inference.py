"""The trained pipeline as it is served: spaCy, onnxruntime and numpy, no torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import spacy
from spacy.language import Language

from nivesh.data.texts import MAX_CHARACTERS
from nivesh.errors import BundleError, DataError
from nivesh.models.financial_ner import tagger, tokens  # noqa: F401  registers the pipeline's parts with spaCy
from nivesh.text.cleaning import clean, with_offsets

PIPELINE, DICTIONARY = "pipeline", "baseline.json"


@dataclass(frozen=True)
class FittedNER:
    """The pipeline, and the baseline's dictionary, so that the baseline can be measured on any rows beside it."""

    nlp: Language
    dictionary: dict[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can give."""
        return cast(tagger.EntityTagger, self.nlp.get_pipe(tagger.FACTORY)).labels


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows as they are: features are computed inside the pipeline, alike in training and serving."""
    return frame


def predict(model: FittedNER, requests: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The spans of each request's text.

    Raises:
        DataError: a request has no text, or a blank or too long one.
    """
    for number, request in enumerate(requests, 1):
        text = request.get("text")
        if not isinstance(text, str) or not clean(text).strip() or len(text) > MAX_CHARACTERS:
            raise DataError(f"request {number}: give a text of 1 to {MAX_CHARACTERS} characters that is not blank")
    return [spans_in(model.nlp, request["text"]) for request in requests]


def predict_frame(model: FittedNER, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with a column ``predicted``: a list of spans, like ``entities``. ``history`` is not needed."""
    return frame.assign(predicted=[spans_in(model.nlp, text) for text in frame["text"]])


def save(model: FittedNER, folder: Path) -> None:
    """Write the pipeline in spaCy's format, and the baseline's dictionary."""
    folder = Path(folder)
    model.nlp.to_disk(folder / PIPELINE, exclude=["vocab"])  # nothing in the pipeline looks words up in it
    content = json.dumps(model.dictionary, ensure_ascii=False)
    (folder / DICTIONARY).write_text(content, encoding="utf-8")


def load(folder: Path) -> FittedNER:
    """Read what ``save`` wrote.

    Raises:
        BundleError: files are missing or broken.
    """
    folder = Path(folder)
    try:
        dictionary = json.loads((folder / DICTIONARY).read_text(encoding="utf-8"))
        nlp = spacy.load(folder / PIPELINE)
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder}: no financial_ner model can be read ({error})") from None
    return FittedNER(nlp, dictionary)


def spans_in(nlp: Language, text: str) -> list[dict[str, Any]]:
    """The entities of one text, as {"text", "label", "start", "end"} in order.

    The pipeline reads the clean text; offsets are characters (Unicode code points) of the text as given.
    """
    cleaned = with_offsets(text)
    spans = []
    for span in nlp(cleaned.text).ents:
        start, end = cleaned.original(span.start_char, span.end_char)
        spans.append({"text": text[start:end], "label": span.label_, "start": start, "end": end})
    return spans
