"""Who spends: a household of one segment with its income, obligations and habits, drawn at random."""

from dataclasses import dataclass

import numpy as np

from nivesh.simulate.catalog import EVERYDAY, NEARBY

SALARIED, BUSINESS, GIG, PENSION = "salaried", "business", "gig", "pension"


@dataclass(frozen=True)
class Segment:
    """A kind of household. ``income`` is the median of a month in rupees; ``tastes`` scale how often it buys."""

    share: float
    work: str
    income: float
    activity: float
    tastes: dict[str, float]
    rents: float
    loans: float
    funds: float
    children: float
    car: float
    trips: float


SEGMENTS = {
    "young_renter": Segment(
        0.25, SALARIED, 62_000, 1.05, {"food_delivery": 1.7, "entertainment": 1.5, "groceries": 0.7, "dining": 1.3},
        0.95, 0.35, 0.6, 0.0, 0.35, 2.2,
    ),
    "family": Segment(
        0.27, SALARIED, 88_000, 1.1, {"groceries": 1.5, "medical": 1.5, "food_delivery": 0.7, "education": 2.5},
        0.4, 0.7, 0.7, 0.9, 0.7, 1.4,
    ),
    "self_employed": Segment(
        0.15, BUSINESS, 75_000, 1.0, {"fuel": 1.6, "transfers": 2.2, "cash": 2.0, "snacks": 1.3},
        0.35, 0.55, 0.4, 0.6, 0.8, 1.0,
    ),
    "retired": Segment(
        0.1, PENSION, 42_000, 0.6, {"medical": 3.0, "food_delivery": 0.15, "entertainment": 0.4, "cash": 1.5},
        0.1, 0.05, 0.3, 0.0, 0.4, 0.9,
    ),
    "gig_worker": Segment(
        0.13, GIG, 27_000, 0.85, {"fuel": 2.2, "shopping": 0.6, "dining": 0.4, "snacks": 1.8, "home": 0.4},
        0.7, 0.4, 0.15, 0.4, 0.6, 0.4,
    ),
    "high_earner": Segment(
        0.1, SALARIED, 260_000, 1.25, {"dining": 1.8, "shopping": 1.5, "transport": 1.2, "snacks": 0.5, "cash": 0.5},
        0.45, 0.6, 1.0, 0.5, 0.85, 3.5,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Household:
    """One user. Days count from the user's first; ``tastes`` are purchases a month by everyday kind.

    Attributes:
        prices: factor on the price of an everyday kind.
        owl: hours by which this user's day is shifted; ``loose`` widens the hours.
        raises: (first day, factor on the income from then on), with 0 for a time without work.
        move: day from which the user lives in ``next_city``, or None.
    """

    user_id: str
    segment: str
    work: str
    first: np.datetime64
    days: int
    city: str
    next_city: str
    move: int | None
    income: float
    payday: str
    raises: tuple[tuple[int, float], ...]
    tastes: dict[str, float]
    prices: dict[str, float]
    owl: float
    loose: float
    rents: bool
    loans: int
    funds: int
    children: int
    car: bool
    trips: float
    accounts: tuple[str, ...]

    def home(self, day: np.ndarray) -> np.ndarray:
        """The city of residence on each of these days."""
        return np.where(day >= (self.days if self.move is None else self.move), self.next_city, self.city)

    def earning(self, day: np.ndarray) -> np.ndarray:
        """The monthly income in force on each of these days, in rupees."""
        factor = np.ones(len(day))
        for start, value in self.raises:
            factor = np.where(day >= start, value, factor)
        return self.income * factor


def draw(user_id: str, months: int, last: np.datetime64, rng: np.random.Generator) -> Household:
    """A random household whose history ends on ``last`` and is ``months`` long, or shorter for newcomers."""
    name = rng.choice(list(SEGMENTS), p=[segment.share for segment in SEGMENTS.values()])
    segment = SEGMENTS[name]
    newcomer = rng.random()
    length = months if newcomer < 0.78 else int(rng.integers(2, 6)) if newcomer < 0.9 else int(rng.integers(6, 19))
    first = (last.astype("datetime64[M]") - min(length, months) + 1).astype("datetime64[D]")
    days = int((last - first).astype(int)) + 1
    income = segment.income * float(rng.lognormal(0, 0.35))
    wealth = 0.48 * (income / 70_000) ** 0.7
    city, next_city = rng.choice(list(NEARBY), 2, replace=False)
    moves = rng.random() < 0.12 and days > 200
    return Household(
        user_id=user_id,
        segment=str(name),
        work=segment.work,
        first=first,
        days=days,
        city=str(city),
        next_city=str(next_city),
        move=int(rng.integers(90, days - 60)) if moves else None,
        income=income,
        payday=str(rng.choice(["last_working_day", "first", "seventh"], p=[0.5, 0.35, 0.15])),
        raises=_raises(segment.work, first, days, rng),
        tastes=_tastes(segment, rng),
        prices={kind: wealth * float(rng.lognormal(0, 0.2)) for kind in EVERYDAY},
        owl=float(rng.normal(0, 0.8) + (rng.random() < 0.15) * 2.5),
        loose=float(rng.uniform(0.7, 1.5)),
        rents=bool(rng.random() < segment.rents),
        loans=int(rng.binomial(2, segment.loans / 1.5)),
        funds=int(rng.binomial(3, segment.funds / 1.5)),
        children=int(rng.binomial(2, segment.children / 1.5)),
        car=bool(rng.random() < segment.car),
        trips=segment.trips * float(rng.lognormal(0, 0.4)),
        accounts=tuple(["savings", "credit_card", "wallet"][: 1 + int(rng.integers(0, 3))]),
    )


def _tastes(segment: Segment, rng: np.random.Generator) -> dict[str, float]:
    """Purchases a month by kind: nobody buys everything."""
    scale = segment.activity * rng.lognormal(0, 0.2)
    tastes = {}
    for kind, facts in EVERYDAY.items():
        never = rng.random() < (0.35 if kind in ("snacks", "education", "gifts", "food_delivery") else 0.06)
        often = facts.times * segment.tastes.get(kind, 1.0) * scale * rng.lognormal(0, 0.35)
        tastes[kind] = 0.0 if never else float(often)
    return tastes


def _raises(work: str, first: np.datetime64, days: int, rng: np.random.Generator) -> tuple[tuple[int, float], ...]:
    """A raise each April, now and then a better job or some months without one."""
    level, steps = 1.0, []
    years = range(first.astype("datetime64[Y]").astype(int) + 1970, 2100)
    aprils = [int((np.datetime64(f"{year}-04-01") - first).astype(int)) for year in years]
    for april in (day for day in aprils if 0 < day < days):
        level *= 1 + (rng.uniform(0.03, 0.14) if work == SALARIED else rng.uniform(0.0, 0.07))
        steps.append((april, level))
    if work in (SALARIED, GIG) and days > 240 and rng.random() < 0.3:
        change = int(rng.integers(100, days - 60))
        gap = int(rng.integers(45, 130)) if rng.random() < 0.35 else 0
        factor = rng.uniform(0.8, 1.05) if gap else rng.uniform(1.15, 1.5)
        before = [step for step in steps if step[0] < change]
        base = before[-1][1] if before else 1.0
        after = [(day, value * factor) for day, value in steps if day > change + gap]
        steps = before + ([(change, 0.0)] if gap else []) + [(change + gap, base * factor)] + after
    return tuple(steps)
