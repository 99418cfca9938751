"""Entities in what people say about money: MONEY, DATE, CATEGORY, MERCHANT and ACCOUNT, by a spaCy pipeline.

The pipeline has a fine tokenizer (``tokens``) and one component (``tagger``): a MiniLM encoder with spelling and
lexicon features under a linear-chain CRF, trained in torch (``training``, ``network``) and served as ONNX.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator
from spacy.language import Language

from nivesh.data.texts import ENTITY_LABELS, MAX_CHARACTERS
from nivesh.errors import BundleError, DataError
from nivesh.models.financial_ner import baseline, scoring, tagger, tokens
from nivesh.models.financial_ner.partition import split
from nivesh.spec import MetricThreshold, Spec

__all__ = [
    "SPEC", "Answer", "Entity", "FinancialNER", "Model", "Request", "build_features", "evaluate", "fit", "load", "plot",
    "predict", "predict_frame", "save", "split",
]  # fmt: skip

SPEC = Spec(
    key="financial_ner",
    purpose="Finds amounts, dates, categories, merchants and accounts in what a person says about money.",
    dataset="ner",
    path="/predict/ner",
    example={"text": "I spent ₹5000 on groceries"},
    primary="f1",
    higher_is_better=True,
    targets=(
        MetricThreshold("f1", ">", 0.92),
        *(MetricThreshold(f"per_entity.{label}.f1", ">", 0.90) for label in ENTITY_LABELS),
    ),
    floor=(MetricThreshold("f1", ">", other_metric="baseline_f1"),),
    runtime="text",
    caveats=(
        "English and Hinglish in Latin letters; Devanagari and other scripts are kept but seldom understood.",
        "A brand that is also a common word, or a bank named without 'account', can get the wrong label.",
        "Spans are found, not linked: 'SBI' and 'State Bank of India' are two texts.",
    ),
)

FEWEST_TEXTS = 50
FEWEST_SPANS = 10


class Request(BaseModel):
    """One text to search."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_CHARACTERS, description="what the person wrote or said")

    @field_validator("text")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("the text is blank; write at least one word")
        return text


class Entity(BaseModel):
    """One span of the text."""

    text: str = Field(description="the span as it stands in the text")
    label: str = Field(description=f"one of {', '.join(ENTITY_LABELS)}")
    start: int = Field(ge=0, description="offset of its first character in the text as given")
    end: int = Field(gt=0, description="offset after its last character")


class Answer(RootModel[list[Entity]]):
    """The spans in the order of the text; none overlap."""


@dataclass(frozen=True)
class Model:
    """The pipeline, and the baseline's dictionary, by which any test rows can be measured beside it."""

    nlp: Language
    dictionary: dict[str, str]


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows as they are: features are computed inside the pipeline, alike in training and serving."""
    return frame


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    iterations: int = 6,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
    head_learning_rate: float = 2e-3,
    dropout: float = 0.3,
    augmented: float = 0.5,
    frozen_layers: int = 2,
    min_texts: int = 1000,
    seed: int = 0,
) -> Model:
    """Train the pipeline.

    Args:
        train: Columns text and entities.
        progress: Called with the share done (0 to 1) and a text.
        iterations: Passes over the texts.
        batch_size: Texts of one step.
        learning_rate: Of the encoder's highest layer; lower layers learn more slowly.
        head_learning_rate: Of everything else.
        dropout: Share of the token features dropped in training.
        augmented: Share of the texts that are seen with entities and spelling swapped, 0 to 1.
        frozen_layers: The encoder's lowest layers that stay as they were pretrained.
        min_texts: A smaller corpus is repeated in each pass up to about so many texts, augmented anew each time.
        seed: Draws the order, the swaps and the first weights.

    Raises:
        DataError: too few texts, or too few spans of a label.
    """
    counts = pd.Series([span["label"] for spans in train["entities"] for span in spans], dtype=object).value_counts()
    few = [f"{counts.get(label, 0)} {label}" for label in ENTITY_LABELS if counts.get(label, 0) < FEWEST_SPANS]
    if len(train) < FEWEST_TEXTS or few:
        raise DataError(
            f"too little to learn from: {len(train)} texts{''.join(f', {part}' for part in few)}; "
            f"give at least {FEWEST_TEXTS} texts and {FEWEST_SPANS} spans of each of {', '.join(ENTITY_LABELS)}"
        )
    if iterations < 1 or batch_size < 1 or frozen_layers < 0:
        raise DataError(f"{iterations=} and {batch_size=} must be at least 1, {frozen_layers=} at least 0")
    from nivesh.models.financial_ner.training import Options
    from nivesh.models.financial_ner.training import train as train_network

    progress(0.0, "preparing the texts")
    nlp = tokens.blank()
    component = nlp.add_pipe(tagger.FACTORY)
    options = Options(
        iterations, batch_size, learning_rate, head_learning_rate, dropout, augmented, frozen_layers, min_texts, seed
    )
    rows = train[["text", "entities"]].to_dict("records")
    component.with_network(*train_network(rows, nlp, options, progress))
    progress(1.0, "done")
    return Model(nlp, baseline.fit(train["entities"].tolist()))


def predict(model: Model, requests: list[dict]) -> list[list[dict]]:
    """The spans of each request's text.

    Raises:
        DataError: a request has no text, or a blank or too long one.
    """
    for number, request in enumerate(requests, 1):
        text = request.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_CHARACTERS:
            raise DataError(f"request {number}: give a text of 1 to {MAX_CHARACTERS} characters that is not blank")
    return [_spans(model.nlp, request["text"]) for request in requests]


def predict_frame(model: Model, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with a column ``predicted``: a list of spans, like ``entities``. ``history`` is not needed."""
    return frame.assign(predicted=[_spans(model.nlp, text) for text in frame["text"]])


def evaluate(model: Model, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict:
    """Strict span metrics of the model and of the baseline on rows that training has not seen.

    Returns:
        f1, precision and recall over all spans, ``per_entity`` with the same and support for each label, ``slices``
        (f1 and rows by kind of text), and baseline_f1, baseline_precision, baseline_recall. ``history`` is not needed.
    """
    texts, gold = test["text"].tolist(), test["entities"].tolist()
    found = [_spans(model.nlp, text) for text in texts]
    lower = scoring.score(gold, [baseline.find(text, model.dictionary) for text in texts])
    return {
        **scoring.score(gold, found),
        **{f"baseline_{name}": lower[name] for name in ("f1", "precision", "recall")},
        "slices": scoring.slices(texts, gold, found),
    }


def plot(model: Model, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """F1 by entity and the confusion of labels, as PNG; the most frequent errors as error_analysis.json beside them."""
    from nivesh.models.financial_ner import plots

    gold = test["entities"].tolist()
    found = [_spans(model.nlp, text) for text in test["text"]]
    analysis = json.dumps(scoring.errors(gold, found, most=50), ensure_ascii=False, indent=1)
    (Path(folder) / "error_analysis.json").write_text(analysis, encoding="utf-8")
    return plots.draw(scoring.score(gold, found), scoring.confusion(gold, found), Path(folder))


def save(model: Model, folder: Path) -> None:
    """Write the pipeline in spaCy's format, and the baseline's dictionary."""
    folder = Path(folder)
    model.nlp.to_disk(folder / "pipeline", exclude=["vocab"])  # nothing in the pipeline looks words up in it
    content = json.dumps(model.dictionary, ensure_ascii=False)
    (folder / "baseline.json").write_text(content, encoding="utf-8")


def load(folder: Path) -> Model:
    """Read what ``save`` wrote.

    Raises:
        BundleError: files are missing or broken.
    """
    import spacy

    folder = Path(folder)
    try:
        dictionary = json.loads((folder / "baseline.json").read_text(encoding="utf-8"))
        nlp = spacy.load(folder / "pipeline")
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder}: no financial_ner model can be read ({error})") from None
    return Model(nlp, dictionary)


class FinancialNER:
    """The model as a Python object: ``FinancialNER().load_model().predict("I spent ₹5000 on groceries")``."""

    def __init__(self):
        self._model: Model | None = None

    def load_model(self, path: str | Path | None = None) -> "FinancialNER":
        """Load a saved model or a bundle from a folder; without one, the champion of the registry."""
        from nivesh.registry import bundle, model_registry

        folder = Path(path) if path else model_registry.champion_bundle(SPEC.key)
        self._model = bundle.load(folder)[2] if (folder / bundle.MANIFEST).is_file() else load(folder)
        return self

    def predict(self, text: str) -> list[dict]:
        """The spans of a text, as {"text", "label", "start", "end"}; loads the champion where nothing is loaded."""
        if self._model is None:
            self.load_model()
        return predict(self._model, [{"text": text}])[0]


def _spans(nlp: Language, text: str) -> list[dict]:
    return [
        {"text": span.text, "label": span.label_, "start": span.start_char, "end": span.end_char}
        for span in nlp(text).ents
    ]
