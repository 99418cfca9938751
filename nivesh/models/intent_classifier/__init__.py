"""What a person wants of a finance assistant: one of 14 intents, with a calibrated confidence.

A fine-tuned MiniLM encoder and a linear classifier of n-grams, blended; served by onnxruntime without torch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nivesh.data.texts import MAX_CHARACTERS
from nivesh.errors import DataError
from nivesh.models.intent_classifier import scoring
from nivesh.models.intent_classifier.classifier import Classifier
from nivesh.models.intent_classifier.division import held_out
from nivesh.models.intent_classifier.outside import outside_texts
from nivesh.spec import MetricThreshold, Spec, Split

SPEC = Spec(
    key="intent_classifier",
    purpose="Says which of 14 things a person wants of a personal-finance assistant in India.",
    dataset="intents",
    path="/predict/intent",
    example={"query": "Can I afford a car loan?"},
    primary="accuracy",
    higher_is_better=True,
    targets=(MetricThreshold("accuracy", ">", 0.99), MetricThreshold("macro_f1", ">", 0.95)),
    floor=(
        MetricThreshold("accuracy", ">", other_metric="baseline_accuracy"),
        MetricThreshold("macro_f1", ">", other_metric="baseline_macro_f1"),
    ),
    runtime="text",
    caveats=(
        "English, Indian English and Hinglish in Latin letters; the encoder was not trained on Devanagari.",
        "One intent a text; a text that asks two things gets one answer, the other stands among the alternatives.",
        "Below a confidence of 0.5 ask the person back rather than act.",
        "Money decisions are not to be made by the intent alone.",
    ),
)
HELD_OUT = 0.15
DOUBT = 0.5  # confidence under which a text counts as not understood


class Request(BaseModel):
    """The body of POST /predict/intent."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARACTERS)] = Field(
        description="What the person typed or said, 1 to 2000 characters"
    )


class Alternative(BaseModel):
    """An intent that was not chosen."""

    intent: str = Field(description="Name of the intent")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability")


class Answer(BaseModel):
    """The most probable intent and the next three."""

    intent: str = Field(description="The most probable intent")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability that it is the right one")
    alternatives: list[Alternative] = Field(description="The next three intents, most probable first")


class IntentClassifier:
    """The guide's own surface: ``IntentClassifier().load_model().predict("Can I afford a car loan?")``."""

    def __init__(self):
        self._model: Classifier | None = None

    def load_model(self, path: str | Path | None = None) -> "IntentClassifier":
        """Load a saved model's folder; the champion's bundle where no path is given. Returns itself.

        Raises:
            ModelNotFound: no path is given and there is no champion.
            BundleError: the champion's bundle is incomplete or was changed.
            DataError: there is no model in the folder.
        """
        if path is None:
            from nivesh.registry import bundle, model_registry

            _, _, self._model = bundle.load(model_registry.champion_bundle(SPEC.key))
        else:
            self._model = load(Path(path))
        return self

    def predict(self, text: str) -> dict[str, Any]:
        """The answer to one text: intent, confidence, alternatives. Long texts are cut after the encoder's length.

        Raises:
            DataError: the text is empty or no string.
        """
        if self._model is None:
            self.load_model()
        if not isinstance(text, str):
            raise DataError(f"the text must be a string, not {type(text).__name__}")
        return self._model.answers([text])[0]


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts are learned from as they are."""
    return frame


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of each intent, whole groups of near-duplicates at a time.

    Raises:
        DataError: there are too few texts to hold any out.
    """
    mask = held_out(frame, HELD_OUT, seed)
    if not mask.any() or mask.all():
        raise DataError(
            f"{len(frame)} texts cannot be divided: too few, or nearly all the same but for amounts and names; "
            "write at least 7 different texts of each intent"
        )
    why = "15 % of each intent at random; texts that differ only in amounts, names or spelling stay on one side"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    epochs: int = 6,
    learning_rate: float = 2e-4,
    head_rate: float = 1e-3,
    frozen_layers: int = 3,
    batch_size: int = 32,
    label_smoothing: float = 0.1,
    max_tokens: int = 96,
    inner_share: float = 0.1,
    seed: int = 0,
) -> Classifier:
    """Fine-tune the encoder and blend it with n-grams.

    Args:
        train: Columns text and intent.
        progress: Told the share that is done, 0..1, and what is going on.
        epochs: Passes over the texts.
        learning_rate: Of the encoder's layers that are trained.
        head_rate: Learning rate of the new head.
        frozen_layers: Lowest encoder layers (with the embeddings) that stay as they were pretrained.
        batch_size: Texts a step.
        label_smoothing: Share of the target spread over all intents.
        max_tokens: Longer texts are cut, in training and when served.
        inner_share: Share of the training texts kept from both halves, to blend and calibrate them.
        seed: Of every random choice.

    Raises:
        DataError: an intent has too few texts, or the texts are nearly all the same.
        SettingsError: a parameter is out of range.
    """
    from nivesh.models.intent_classifier.network import Schedule  # torch: training only
    from nivesh.models.intent_classifier.training import fit_classifier

    schedule = Schedule(epochs, learning_rate, head_rate, frozen_layers, batch_size, label_smoothing, seed)
    return fit_classifier(train, schedule, max_tokens=max_tokens, inner_share=inner_share, progress=progress)


def evaluate(model: Classifier, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Metrics on labelled texts, beside those of the n-grams alone, which are the baseline.

    Raises:
        DataError: there are no rows.
    """
    texts, truth = _columns(test)
    probabilities = model.probabilities(texts)
    guess = np.array(model.intents)[probabilities.argmax(axis=1)]
    confidence, right = probabilities.max(axis=1), guess == truth
    baseline = scoring.scores(truth, np.array(model.intents)[model.ngram_guess(texts)])
    metrics = {
        **scoring.scores(truth, guess),
        "rows": len(texts),
        "ece": scoring.calibration_error(confidence, right),
        "baseline_accuracy": baseline["accuracy"],
        "baseline_macro_f1": baseline["macro_f1"],
        "slices": scoring.slices(texts, right),
    }
    _, outside = outside_texts()
    if outside:
        doubted = model.probabilities(outside).max(axis=1)
        metrics["oos"] = {
            "rows": len(outside),
            "auroc": scoring.auroc(confidence, doubted),
            "share_below_0_5": float(np.mean(doubted < DOUBT)),
        }
    return metrics


def plot(model: Classifier, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write confusion_matrix.png, reliability.png and classification_report.json into folder."""
    texts, truth = _columns(test)
    probabilities = model.probabilities(texts)
    guess = np.array(model.intents)[probabilities.argmax(axis=1)]
    return scoring.draw(truth, guess, probabilities.max(axis=1), Path(folder))


def predict(model: Classifier, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One answer per request {"query"}.

    Raises:
        DataError: a query is empty.
    """
    return model.answers([request["query"] for request in requests])


def predict_frame(model: Classifier, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with the columns predicted_intent and confidence added."""
    answers = model.answers(frame["text"].tolist())
    return frame.assign(
        predicted_intent=[answer["intent"] for answer in answers],
        confidence=[answer["confidence"] for answer in answers],
    )


def save(model: Classifier, folder: Path) -> None:
    """Write encoder.onnx, tokenizer.json, ngrams.json, ngrams.npz and classifier.json."""
    model.save(Path(folder))


def load(folder: Path) -> Classifier:
    """The model that ``save`` wrote.

    Raises:
        DataError: the folder holds no such model.
    """
    folder = Path(folder)
    if not (folder / "classifier.json").is_file():
        raise DataError(f"{folder}: there is no intent classifier (no classifier.json); give the folder of a saved one")
    return Classifier.load(folder)


def _columns(frame: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    if frame.empty:
        raise DataError("no rows to measure with; give labelled texts")
    return frame["text"].tolist(), frame["intent"].to_numpy(str)
