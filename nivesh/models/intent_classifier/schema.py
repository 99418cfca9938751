"""What is fixed about the model before any data are seen: its specification, requests and answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nivesh.data.texts import MAX_CHARACTERS, MAX_LABEL
from nivesh.spec import MetricThreshold, Spec
from nivesh.text.cleaning import Visible

SPEC = Spec(
    key="intent_classifier",
    purpose="Says which of 14 intents a text to a personal-finance assistant in India has.",
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
        "One intent a text; a text with two intents gets one answer, the other stands among the alternatives.",
        "Below a confidence of 0.5 ask the user to rephrase rather than act.",
        "Do not decide about money by the intent alone.",
    ),
)
MIN_CONFIDENCE = 0.5  # below it a text counts as not understood; SPEC.caveats states it


class Request(BaseModel):
    """The body of POST /predict/intent."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARACTERS), Visible
    ] = Field(description="What the user typed or said, 1 to 2000 characters")


class Alternative(BaseModel):
    """An intent that was not chosen."""

    intent: str = Field(description="Name of the intent")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability")


class Answer(BaseModel):
    """The most probable intent and the next three."""

    intent: str = Field(description="The most probable intent")
    confidence: float = Field(ge=0, le=1, description="Calibrated probability that it is the right one")
    alternatives: list[Alternative] = Field(description="The next three intents, most probable first")


# The body's label of POST /feedback: the intent that the text really has, "out_of_scope" for none.
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]
LABEL_EXAMPLE = "affordability_check"
