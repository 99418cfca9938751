"""Serve the advisor: answers to requests, and the model's file format."""

from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.models.gemini_advisor.advisor import Advisor


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The checked examples, unchanged."""
    return frame


def predict(model: Advisor, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One ``schema.Answer`` per ``schema.Request``; refusals and outages are answers too, see ``outcome``."""
    return [model.answer(request) for request in requests]


def predict_frame(model: Advisor, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with the columns answer, outcome and reason added. Reads the column input."""
    answers = predict(model, [{"question": question} for question in frame["input"]])
    return frame.assign(**{name: [answer[name] for answer in answers] for name in ("answer", "outcome", "reason")})


def save(model: Advisor, folder: Path) -> None:
    """Write advisor.json."""
    model.save(Path(folder))


def load(folder: Path) -> Advisor:
    """Read what ``save`` wrote.

    Raises:
        DataError: the folder has no advisor.json, or one of another version of the code.
    """
    return Advisor.load(Path(folder))
