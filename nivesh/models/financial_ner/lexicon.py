"""The word lists of lexicon.toml, by kind: for features of tokens and for augmentation."""

import tomllib
from pathlib import Path

Words = tuple[str, ...]


def _read() -> dict[str, Words]:
    lists = tomllib.loads((Path(__file__).parent / "lexicon.toml").read_text(encoding="utf-8"))
    return {
        name: tuple(dict.fromkeys(" ".join(item.split()) for item in content.split(",") if item.strip()))
        for name, content in lists.items()
    }


def _all(*names: str) -> Words:
    return tuple(item for name in names for item in WORDS[name])


WORDS = _read()
MERCHANTS = _all("shops", "food", "travel", "services", "lenders", "insurers", "investment_houses", "employers")
CATEGORIES = _all("spending", "things", "income", "products")

# The columns of a token's lexicon features; their order is part of a saved model.
KINDS: dict[str, Words] = {
    "merchant": MERCHANTS,
    "bank": WORDS["banks"],
    "account": _all("rails", "account_heads"),
    "card": WORDS["cards"],
    "category": CATEGORIES,
    "time": _all("times", "days", "months", "festivals"),
    "unit": WORDS["units"],
    "place": WORDS["places"],
    "around": WORDS["around"],
    "person": WORDS["persons"],
}
