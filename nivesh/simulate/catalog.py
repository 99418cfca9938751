"""What there is to buy: everyday kinds of spending with their merchants, prices and hours, from catalog.yaml."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Kind:
    """One everyday kind of spending of a typical household.

    Attributes:
        times: purchases a month.
        price: median rupees; ``spread`` is the standard deviation of its logarithm.
        hours: centres of the hours of day at which it happens.
        chains: merchants known everywhere; ``local`` are endings of names of small shops.
        favourites: number of merchants that a user keeps to; ``curious`` is the chance to leave them.
        weekend: factor on Saturdays and Sundays; ``festive`` factor at the top of a festival season.
        online: bought from home, so that it never shows the city of a trip.
        rounding: prices are multiples of this many rupees.
    """

    times: float
    price: float
    spread: float
    hours: tuple[float, ...]
    chains: tuple[str, ...]
    local: tuple[str, ...] = ()
    favourites: int = 3
    curious: float = 0.04
    weekend: float = 1.2
    festive: float = 1.2
    online: bool = False
    rounding: float = 1.0


def _tuples(value: Any) -> Any:
    """YAML's lists as tuples, at every depth."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


_CATALOG: dict[str, Any] = _tuples(yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")))

EVERYDAY = {name: Kind(**facts) for name, facts in _CATALOG["everyday"].items()}
LARGE: dict[str, tuple[float, tuple[str, ...]]] = {
    name: (facts["share"], facts["merchants"]) for name, facts in _CATALOG["large"].items()
}
SUBSCRIPTIONS: dict[str, int] = _CATALOG["subscriptions"]
NEARBY: dict[str, tuple[str, ...]] = _CATALOG["nearby"]


def names(of: str) -> tuple[str, ...]:
    """One of the catalogue's lists of names: families, given, lenders, employers, ..."""
    return _CATALOG[of]


FRAUD_MERCHANTS: tuple[str, ...] = _CATALOG["anomalies"]["merchants"]
FRAUD_CATEGORIES: tuple[str, ...] = _CATALOG["anomalies"]["categories"]
