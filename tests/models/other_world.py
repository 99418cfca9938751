"""A second, unrelated world of payments: the anomaly detector is to work for people that our simulator never made."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class World:
    """How the second world is drawn.

    Attributes:
        rate: payments a day and user; ``spread`` the standard deviation of the logarithm of prices.
        share: anomalies per ordinary row; ``strength`` scales how far they lie out.
        shops: merchants of a category, of which a user keeps to ``circle``.
        trips: journeys a year; ``cities`` whether the file knows cities at all.
        clock: to what the times are rounded: s, min, h or D.
    """

    users: int = 40
    days: int = 300
    rate: float = 3.0
    spread: float = 0.5
    share: float = 0.01
    strength: float = 1.0
    shops: int = 12
    circle: int = 4
    trips: float = 2.0
    cities: bool = True
    clock: str = "s"


KINDS = (
    "high_amount", "night_purchase", "velocity", "foreign", "new_merchant", "double", "drain", "rare_category", "probe",
)  # fmt: skip
HOURS = np.array([1, 0.4, 0.2, 0.2, 0.2, 0.5, 2, 4, 6, 6, 6, 7, 9, 9, 7, 6, 6, 8, 10, 11, 10, 8, 5, 3.0])


def payments(world: World = World(), seed: int = 0, kinds: tuple[str, ...] = KINDS) -> pd.DataFrame:
    """Rows in the format of the transactions."""
    frames = [
        _person(world, f"P{number}", np.random.default_rng([seed, number]), kinds) for number in range(world.users)
    ]
    frame = pd.concat(frames).sort_values("timestamp", kind="stable", ignore_index=True)
    frame["timestamp"] = frame["timestamp"].dt.floor(world.clock).astype("datetime64[ns]")
    if not world.cities:
        frame["city"] = "unknown"
    frame.insert(0, "transaction_id", [f"X{row}" for row in range(len(frame))])
    return frame


def _person(world: World, name: str, rng, kinds) -> pd.DataFrame:
    groups = [f"kind {number}" for number in range(int(rng.integers(7, 14)))]
    odds = rng.dirichlet(np.full(len(groups), 1.2))
    wealth = rng.lognormal(0, 0.5)
    prices = {group: wealth * rng.lognormal(6, 1.0) for group in groups}
    circles = {group: rng.choice(world.shops, world.circle, replace=False) for group in groups}
    home, start = f"town {rng.integers(20)}", pd.Timestamp("2024-11-03")
    hours = np.roll(HOURS, int(rng.integers(-2, 3)))
    place = np.full(world.days, home, dtype=object)
    for _ in range(rng.poisson(world.trips * world.days / 365)):
        first = int(rng.integers(world.days))
        place[first : first + int(rng.integers(2, 9))] = f"town {rng.integers(20, 60)}"
    rows = []

    def pay(day, hour, amount, group, shop, kind="", city=None, direction="debit"):
        when = start + pd.Timedelta(days=float(day)) + pd.Timedelta(seconds=round(hour * 3600))
        where = city or place[min(int(day), world.days - 1)]
        rows.append(
            (name, when, round(max(amount, 1), 2), direction, group, shop, "main", where, int(bool(kind)), kind)
        )

    for day in range(world.days):
        if day % 30 == 1:
            pay(day, 10, 60_000 * wealth, "pay", "employer", direction="credit")
            pay(day + 2, 9, 15_000 * wealth, "housing", f"landlord {name}")
            pay(day + 4, 5, 700, "phone", "carrier")
        for _ in range(rng.poisson(world.rate)):
            group = str(rng.choice(groups, p=odds))
            shop = rng.choice(circles[group]) if rng.random() < 0.9 else rng.integers(world.shops)
            hour = rng.choice(24, p=hours / hours.sum()) + rng.random()
            pay(day, hour, prices[group] * rng.lognormal(0, world.spread), group, f"{group} shop {shop}")
    ordinary, wanted = list(rows), rng.poisson(world.share * len(rows))
    while wanted > 0:
        base = ordinary[int(rng.integers(len(ordinary) // 8, len(ordinary)))]
        made = len(rows)
        _fraud(world, str(rng.choice(kinds)), base, start, prices, pay, rng)
        wanted -= len(rows) - made
    names = [
        "user_id",
        "timestamp",
        "amount",
        "direction",
        "category",
        "merchant",
        "account",
        "city",
        "is_anomaly",
        "anomaly_kind",
    ]
    return pd.DataFrame(rows, columns=names)


def _fraud(world, kind, base, start, prices, pay, rng):
    _, when, amount, _, group, shop, _, city, _, _ = base
    day, hour = (when - start).days, (when - when.normalize()).total_seconds() / 3600
    typical, large, s = prices.get(group, amount), max(prices.values()), world.strength
    if kind == "high_amount":
        pay(day, hour + 0.7, typical * rng.uniform(6, 20) * s, group, shop, kind, city)
    elif kind == "night_purchase":
        pay(day, rng.uniform(1, 4.5), typical * rng.uniform(2, 8) * s, group, shop, kind, city)
    elif kind == "velocity":
        for step in range(int(rng.integers(5, 10))):
            pay(day, hour + 0.02 * step, typical * rng.uniform(0.5, 2), group, shop, kind, city)
    elif kind == "foreign":
        pay(day, hour + rng.uniform(0.1, 1.5), typical * rng.uniform(1, 6) * s, group, f"abroad {rng.integers(99)}", kind,
            f"far {rng.integers(9)}")  # fmt: skip
    elif kind == "new_merchant":
        pay(day, hour, typical * rng.uniform(4, 12) * s, group, f"never {rng.integers(999)}", kind, city)
    elif kind == "double":
        pay(day, hour + rng.uniform(0.01, 0.15), amount, group, shop, kind, city)
    elif kind == "drain":
        for step in range(int(rng.integers(3, 6))):
            pay(day, hour + 0.1 * step, large * rng.uniform(2, 5) * s, "send", f"payee {rng.integers(99)}", kind, city)
    elif kind == "rare_category":
        pay(day, hour, large * rng.uniform(1, 3) * s, f"odd {rng.integers(9)}", f"odd {rng.integers(99)}", kind, city)
    elif kind == "probe":
        shop = f"probe {rng.integers(99)}"
        for step in range(int(rng.integers(3, 6))):
            pay(day, hour + 0.03 * step, rng.uniform(1, 20), group, shop, kind, city)
        pay(day, hour + 0.3, typical * rng.uniform(5, 10) * s, group, shop, kind, city)
