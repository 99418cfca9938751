"""Everyday spending, large purchases and trips: how often, where, when and how much."""

import numpy as np

from nivesh.simulate import catalog
from nivesh.simulate.catalog import EVERYDAY, LARGE, Kind
from nivesh.simulate.households import Household
from nivesh.simulate.ledger import Rows, festive, rows, take

INFLATION = 0.06
CARD_ACCOUNTS = ("shopping", "dining", "entertainment", "food_delivery", "home", "personal_care")
WALLET_KINDS = ("snacks", "transport", "food_delivery")


def person(rng: np.random.Generator) -> str:
    return f"{rng.choice(catalog.names('given'))} {rng.choice(catalog.names('families'))}"


def shop(kind: Kind, rng: np.random.Generator) -> str:
    """A merchant of this kind: a chain, or a small shop with the owner's name."""
    if kind.chains and (not kind.local or rng.random() < 0.6):
        return str(rng.choice(kind.chains))
    ending = str(rng.choice(kind.local))
    return f"{rng.choice(catalog.names('families'))} {ending}" if ending else person(rng)


def trips(home: Household, rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, int, str]]]:
    """Where the user is on each day, and the journeys as (first day, days, city); festivals draw people away."""
    place = home.home(np.arange(home.days)).astype("<U32")
    weights = 1 + 3 * festive(home.first, home.days)
    journeys = []
    for _ in range(rng.poisson(home.trips * home.days / 365)):
        start, length = int(rng.choice(home.days, p=weights / weights.sum())), int(rng.integers(2, 8))
        abroad = home.segment == "high_earner" and rng.random() < 0.3
        towns = catalog.names("abroad") if abroad else catalog.names("resorts") + tuple(catalog.NEARBY)
        city = str(rng.choice(towns))
        if city != place[start] and start + length < home.days:
            place[start : start + length] = city
            journeys.append((start, length, city))
    return place, journeys


def everyday(home: Household, place: np.ndarray, rng: np.random.Generator) -> list[Rows]:
    """All kinds of the catalogue for one household; ``place`` is the city it is in on each day."""
    season, away = festive(home.first, home.days), place != home.home(np.arange(home.days))
    return [_kind(home, name, place, season, away, rng) for name in EVERYDAY]


def _kind(home, name, place, season, away, rng) -> Rows:
    kind, often = EVERYDAY[name], home.tastes[name]
    if name == "fuel" and not home.car:
        often = 0.0
    days = np.arange(home.days)
    weekday = (home.first + days).astype("datetime64[D]").astype(int) + 3
    squeeze = np.clip(home.earning(days) / home.income, 0.45, 1.6) ** 0.6
    daily = often / 30 * np.where(weekday % 7 >= 5, kind.weekend, 1.0) * (1 + (kind.festive - 1) * season) * squeeze
    daily = np.where(away, daily * (2.2 if name in ("dining", "transport") else 0.5), daily)
    day = np.repeat(days, rng.poisson(daily))
    n = len(day)
    hour = rng.choice(kind.hours, n) + home.owl + rng.normal(0, 1.3 * home.loose, n)
    stray = rng.random(n) < 0.02
    hour = np.where(stray, rng.uniform(6.5, 24.5, n), hour) % 24
    hour = np.where((hour > 1.5) & (hour < 5.5) & (rng.random(n) < 0.9), 8 + rng.random(n) * 12, hour)
    growth = (1 + INFLATION) ** (day / 365) * (1 + 0.25 * (kind.festive - 1) * season[day] / 2)
    merchant, level = _merchants(home, kind, name, day, away[day], rng)
    tails = np.where(rng.random(n) < 0.02, rng.lognormal(0.9, 0.4, n), 1.0)
    amount = kind.price * home.prices[name] * level * growth * squeeze[day] * rng.lognormal(0, kind.spread, n) * tails
    if kind.rounding > 1:
        amount = np.maximum(np.round(amount / kind.rounding), 1) * kind.rounding
    elif not kind.online or name == "food_delivery":
        amount = np.where(rng.random(n) < 0.7, np.round(amount), amount)
    near = catalog.NEARBY.get(home.city, ())
    city = home.home(day) if kind.online else place[day]
    if near and not kind.online:
        city = np.where((rng.random(n) < 0.06) & ~away[day], rng.choice(near, n), city)
    return rows(home, day, hour, amount, name, merchant, city=city, account=_accounts(home, name, n, rng))


def _merchants(home, kind, name, day, away, rng) -> tuple[np.ndarray, np.ndarray]:
    """A merchant for each purchase and its price level: a favourite circle that changes slowly, and new places."""
    n, size = len(day), kind.favourites + 2
    circle = list(dict.fromkeys(shop(kind, rng) for _ in range(size * 3)))[:size]
    weights = rng.dirichlet(np.full(len(circle), 0.7))
    opened = np.where(np.arange(len(circle)) < kind.favourites, 0, rng.integers(0, max(home.days, 2), len(circle)))
    odds = weights[None, :] * (day[:, None] >= opened[None, :])
    odds = np.cumsum(odds / odds.sum(1, keepdims=True), 1)
    pick = np.minimum((rng.random(n)[:, None] > odds).sum(1), len(circle) - 1)
    levels = rng.lognormal(0, 0.25, len(circle))
    merchant, level = np.array(circle, dtype="<U48")[pick], levels[pick]
    leave = rng.random(n) < np.where(away & (not kind.online), np.maximum(kind.curious, 0.6), kind.curious)
    merchant[leave] = [shop(kind, rng) for _ in range(int(leave.sum()))]
    return merchant, np.where(leave, rng.lognormal(0, 0.3, n), level)


def _accounts(home: Household, name: str, n: int, rng) -> np.ndarray:
    usual = home.accounts[0]
    if name in CARD_ACCOUNTS and "credit_card" in home.accounts:
        usual = "credit_card"
    elif name in WALLET_KINDS and "wallet" in home.accounts:
        usual = "wallet"
    return np.where(rng.random(n) < 0.12, rng.choice(home.accounts, n), usual).astype("<U16")


def large(home: Household, place: np.ndarray, rng: np.random.Generator) -> list[Rows]:
    """A few big things a year, more before festivals; legitimate, often at a merchant never seen before."""
    weights = 1 + 4 * festive(home.first, home.days)
    day = np.sort(rng.choice(home.days, rng.poisson(2.2 * home.days / 365), p=weights / weights.sum()))
    parts = []
    for when in day:
        name = str(rng.choice(list(LARGE)))
        share, merchants = LARGE[name]
        amount = share * home.income * rng.lognormal(-0.7, 0.6)
        amount = np.round(amount, -2) if rng.random() < 0.5 else np.round(amount) - 1
        merchant = str(rng.choice(merchants)) if merchants else person(rng)
        hour = np.clip(rng.normal(15, 3), 9.5, 22)
        account = "credit_card" if "credit_card" in home.accounts and rng.random() < 0.5 else None
        parts.append(rows(home, [when], [hour], [amount], name, merchant, city=place[[when]], account=account))
    return parts


def travel(home: Household, journeys: list[tuple[int, int, str]], rng: np.random.Generator) -> list[Rows]:
    """Tickets weeks ahead, the hotel on the way, a visa or a guide now and then."""
    parts = []
    for start, length, city in journeys:
        far = 4.0 if city in catalog.names("abroad") else 1.0
        wealth = (home.income / 70_000) ** 0.4
        booked = max(start - int(rng.integers(2, 45)), 0)
        legs = int(rng.integers(1, 3))
        fares = 2600 * far * wealth * rng.lognormal(0, 0.7, legs)
        hours = np.clip(rng.normal(20, 3, legs), 7, 23.9)
        parts.append(rows(home, [booked] * legs, hours, fares, "travel", rng.choice(catalog.names("carriers"), legs)))
        if rng.random() < 0.75:
            stay = length * 1700 * far**0.6 * wealth * rng.lognormal(0, 0.6)
            when, where = (start, city) if rng.random() < 0.5 else (booked, home.home(np.array([booked]))[0])
            hotel = str(rng.choice(catalog.names("hotels")))
            parts.append(rows(home, [when], [rng.uniform(11, 22)], [stay], "travel", hotel, city=where))
    return parts


def repeat_purchases(table: Rows, rng: np.random.Generator) -> Rows:
    """Honest second purchases minutes later: something forgotten, a bill paid in two parts, one more ticket."""
    small = np.isin(table["category"], ("groceries", "snacks", "dining", "transport", "entertainment", "shopping"))
    twice = take(table, np.flatnonzero(small & (rng.random(len(small)) < 0.006)))
    n = len(twice["time"])
    factor = np.where(rng.random(n) < 0.15, 1.0, rng.lognormal(-0.4, 0.6, n))
    later = rng.integers(60, 2400, n).astype("timedelta64[s]")
    return {**twice, "time": twice["time"] + later, "amount": np.maximum(np.round(twice["amount"] * factor), 1.0)}
