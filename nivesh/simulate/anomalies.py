"""Frauds and mistakes, labelled by kind, hidden among a user's ordinary transactions.

Every kind starts from what the ordinary rows look like up to its event time, so that none can be recognised by a single
column: large purchases, first-time merchants, trips and late evenings are there among the ordinary rows as well.
"""

import numpy as np

from nivesh.simulate import catalog
from nivesh.simulate.households import Household
from nivesh.simulate.ledger import Rows, rows, take
from nivesh.simulate.spending import person

SHARE = 0.008
WARM_UP = 25
FAR = catalog.names("abroad") + (
    "Moscow",
    "Lagos",
    "Hong Kong",
    "Guwahati",
    "Srinagar",
    "Port Blair",
    "Imphal",
    "Siliguri",
)


def inject(home: Household, ordinary: Rows, rng: np.random.Generator) -> list[Rows]:
    """New rows of the anomalies of one user, about ``SHARE`` of the ordinary rows; none in the first weeks."""
    debits = np.flatnonzero(ordinary["direction"] == "debit")
    debits = debits[WARM_UP:]
    parts, remaining = [], rng.poisson(SHARE * max(len(debits), 0))
    while len(debits) and remaining > 0:
        kind = str(rng.choice(list(KINDS), p=list(WEIGHTS)))
        at = int(rng.choice(debits))
        made = KINDS[kind](home, ordinary, at, rng)
        if made is None:
            continue
        if kind in ("card_testing", "account_takeover") and rng.random() < 0.5:
            remaining -= 1
        made = {**made, "is_anomaly": np.ones(len(made["time"]), int)}
        parts.append({**made, "anomaly_kind": np.full(len(made["time"]), kind, dtype="<U32")})
        remaining -= len(made["time"])
    return parts


def _clock(home: Household, ordinary: Rows, at: int) -> tuple[int, float]:
    """Day number and hour of a row."""
    seconds = int((ordinary["time"][at] - home.first.astype("datetime64[s]")).astype(int))
    return seconds // 86_400, seconds % 86_400 / 3600


def _past(ordinary: Rows, at: int) -> np.ndarray:
    """Amounts of the debits before a row."""
    return ordinary["amount"][:at][ordinary["direction"][:at] == "debit"]


def _spread(home, start_day, start_hour, minutes, **facts) -> Rows:
    """Rows at these minutes after a start, over midnight where needed."""
    hours = start_hour + np.asarray(minutes) / 60
    return rows(home, start_day + (hours // 24).astype(int), hours % 24, **facts)


def amount_spike(home, ordinary, at, rng) -> Rows | None:
    """Many times the usual at a merchant where the user shops often."""
    same = (ordinary["merchant"][:at] == ordinary["merchant"][at]) & (ordinary["direction"][:at] == "debit")
    if same.sum() < 4:
        return None
    past = ordinary["amount"][:at][same]
    amount = max(np.median(past) * rng.uniform(5, 25), past.max() * rng.uniform(2, 4))
    row = take(ordinary, np.array([at]))
    time = row["time"] + np.timedelta64(int(rng.integers(3600, 90_000)), "s")
    return {**row, "time": time, "amount": np.round(np.array([amount]), 2)}


def odd_hour(home, ordinary, at, rng) -> Rows:
    """A high spend at one to five in the night, at a place that need not be new."""
    day, _ = _clock(home, ordinary, at)
    amount = np.quantile(_past(ordinary, at), rng.uniform(0.9, 0.995)) * rng.uniform(1, 2.5)
    known = rng.random() < 0.5
    category = str(rng.choice(["shopping", "transfers", "electronics", "entertainment"]))
    merchant = ordinary["merchant"][at] if known else str(rng.choice(catalog.FRAUD_MERCHANTS))
    category = ordinary["category"][at] if known else category
    return rows(home, [day], rng.uniform(1, 5, 1), [amount], category, merchant)


def card_testing(home, ordinary, at, rng) -> Rows:
    """Five to ten tiny payments within minutes at an unknown shop, to learn whether a stolen card works."""
    day, _ = _clock(home, ordinary, at)
    n = int(rng.integers(5, 11))
    minutes = np.sort(rng.uniform(0, rng.uniform(3, 15), n))
    amount = np.round(rng.uniform(1, 99, n), 2)
    shops = rng.choice(catalog.FRAUD_MERCHANTS, int(rng.integers(1, 4)), replace=False)
    category = str(rng.choice(catalog.FRAUD_CATEGORIES + ("shopping", "subscriptions")))
    city = str(rng.choice(FAR)) if rng.random() < 0.4 else None
    hour = rng.uniform(0, 24)
    return _spread(
        home, day, hour, minutes, amount=amount, category=category, merchant=rng.choice(shops, n), city=city,
        account="credit_card" if "credit_card" in home.accounts else None,
    )  # fmt: skip


def duplicate_charge(home, ordinary, at, rng) -> Rows:
    """The same merchant takes the same amount again within minutes."""
    row = take(ordinary, np.array([at]))
    return {**row, "time": row["time"] + np.timedelta64(int(rng.integers(20, 600)), "s")}


def far_city(home, ordinary, at, rng) -> Rows | None:
    """Paid at a counter in a city that cannot be reached since the last purchase at home."""
    day, hour = _clock(home, ordinary, at)
    city = str(rng.choice(FAR + tuple(catalog.NEARBY)))
    if city in set(ordinary["city"][max(at - 60, 0) : at + 60]) or city in catalog.NEARBY.get(home.city, ()):
        return None
    kind = str(rng.choice(["shopping", "dining", "fuel", "electronics", "cash"]))
    amount = np.quantile(_past(ordinary, at), rng.uniform(0.6, 0.99)) * rng.uniform(1, 3)
    merchant = (
        f"{rng.choice(catalog.names('families'))} {rng.choice(['Stores', 'Mall', 'Traders', 'Emporium', 'Duty Free'])}"
    )
    minutes = rng.uniform(5, 100, 1)
    return _spread(home, day, hour, minutes, amount=[amount], category=kind, merchant=merchant, city=city)


def unknown_merchant(home, ordinary, at, rng) -> Rows | None:
    """A high amount at an unknown merchant, in a category that this user never used."""
    day, _ = _clock(home, ordinary, at)
    category = str(rng.choice(catalog.FRAUD_CATEGORIES))
    if category in ordinary["category"]:
        return None
    amount = np.quantile(_past(ordinary, at), rng.uniform(0.96, 1.0)) * rng.uniform(1, 3)
    return rows(home, [day], rng.uniform(7, 24, 1) % 24, [amount], category, str(rng.choice(catalog.FRAUD_MERCHANTS)))


def account_takeover(home, ordinary, at, rng) -> Rows:
    """Several transfers to new payees within an hour, until the account is empty."""
    day, _ = _clock(home, ordinary, at)
    n = int(rng.integers(3, 8))
    payees = [f"{person(rng)} {rng.integers(10, 99)}" for _ in range(int(rng.integers(1, 5)))]
    amount = np.round(home.income * rng.uniform(0.1, 0.6, n), -2)
    minutes = np.sort(rng.uniform(0, 60, n))
    return _spread(
        home, day, rng.uniform(0, 24), minutes, amount=amount, category="transfers", merchant=rng.choice(payees, n)
    )  # fmt: skip


KINDS = {
    "amount_spike": amount_spike,
    "odd_hour": odd_hour,
    "card_testing": card_testing,
    "duplicate_charge": duplicate_charge,
    "far_city": far_city,
    "unknown_merchant": unknown_merchant,
    "account_takeover": account_takeover,
}
WEIGHTS = (0.25, 0.17, 0.04, 0.2, 0.15, 0.14, 0.05)
