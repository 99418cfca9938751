"""A small simulated file, and the model trained on it once per session."""

from datetime import date

import pandas as pd
import pytest

from nivesh.features.spending_history import histories
from nivesh.simulate.transactions import transactions
from tests.models.spending_predictor.examples import predictor


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    return transactions(users=8, months=22, seed=5, end=date(2025, 6, 30))


@pytest.fixture(scope="session")
def parts(rows):
    return predictor.split(rows, 0)


@pytest.fixture(scope="session")
def messages() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="session")
def model(parts, messages):
    return predictor.fit(parts.train, progress=lambda fraction, text: messages.append((fraction, text)))


@pytest.fixture(scope="session")
def stored(parts) -> dict[str, dict]:
    """What the feature store keeps of each user at the end of the training rows."""
    return histories(parts.train)
