"""What is fixed about the model before any data are seen: its specification, requests and answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, model_validator

from nivesh.data.texts import MAX_CHARACTERS, MAX_LABEL
from nivesh.spec import MetricThreshold, Spec
from nivesh.text.cleaning import Visible

LABELS = ("MONEY", "DATE", "CATEGORY", "MERCHANT", "ACCOUNT")  # of the shipped data, which have targets

SPEC = Spec(
    key="financial_ner",
    purpose="Finds amounts, dates, categories, merchants and accounts in texts about money.",
    dataset="ner",
    path="/predict/ner",
    example={"text": "I spent ₹5000 on groceries"},
    primary="f1",
    higher_is_better=True,
    targets=(
        MetricThreshold("f1", ">", 0.92),
        *(MetricThreshold(f"per_entity.{label}.f1", ">", 0.90) for label in LABELS),
    ),
    floor=(MetricThreshold("f1", ">", other_metric="baseline_f1"),),
    runtime="text",
    caveats=(
        "English and Hinglish in Latin letters; Devanagari and other scripts are kept but seldom understood.",
        "A brand that is also a common word, or a bank named without 'account', can get the wrong label.",
        "Spans are found, not linked: 'SBI' and 'State Bank of India' are two texts.",
    ),
)


class Request(BaseModel):
    """The body of POST /predict/ner."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS), Visible] = Field(
        description="What the user wrote or said, 1 to 2000 characters"
    )


class Entity(BaseModel):
    """One span of the text. Offsets count characters (Unicode code points), not bytes nor UTF-16 units."""

    text: str = Field(description="the span as it stands in the text")
    label: str = Field(description=f"{', '.join(LABELS)}, or another label of the training file")
    start: int = Field(ge=0, description="offset of its first character in the text as given, in Unicode code points")
    end: int = Field(gt=0, description="offset after its last character, in Unicode code points")


class Answer(RootModel[list[Entity]]):
    """The spans in the order of the text; none overlap."""


class Marked(BaseModel):
    """A span that is really in the text; further fields, such as its text, are not kept."""

    start: int = Field(ge=0, description="offset of its first character, in Unicode code points")
    end: int = Field(gt=0, description="offset after its last character")
    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]

    @model_validator(mode="after")
    def _is_not_empty(self) -> "Marked":
        if self.start >= self.end:
            raise ValueError("end must be after start")
        return self


Label = Annotated[list[Marked], Field(max_length=MAX_CHARACTERS)]  # of POST /feedback: all spans of the text
LABEL_EXAMPLE = [{"start": 8, "end": 13, "label": "MONEY"}]
