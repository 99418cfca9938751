"""Prices of tuning and of replies, from a dated table that NIVESH_PRICES can replace."""

import json
import math
from dataclasses import dataclass

from nivesh.errors import SettingsError
from nivesh.settings import settings

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens of one model, and the date of the table."""

    model: str
    tuning: float
    input: float
    output: float
    as_of: str

    def of_tuning(self, tokens: int, epochs: int) -> float:
        """US dollars for tuning on ``tokens`` for ``epochs`` passes."""
        return self.tuning * tokens * epochs / MILLION

    def of_answer(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for one reply; ``output_tokens`` include thoughts."""
        return (self.input * input_tokens + self.output * output_tokens) / MILLION


def price(model: str) -> Price:
    """The price of a model by its name, such as gemini-2.5-flash.

    Raises:
        SettingsError: the table cannot be read, or has no such model.
    """
    path = settings().prices or settings().data_dir / "vertex_prices.json"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        known = table["models"]
        if model not in known:
            raise SettingsError(
                f"{path} has no price of {model!r}, only of {', '.join(known)}; add it from Google's page"
            )
        numbers = {name: float(known[model][name]) for name in ("tuning", "input", "output")}
        if not all(0 <= number < math.inf for number in numbers.values()):
            raise ValueError(f"prices of {model} are {numbers}")
        return Price(model, **numbers, as_of=str(table["as_of"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: no table of prices ({type(error).__name__}: {error}); see data/vertex_prices.json"
        ) from None
