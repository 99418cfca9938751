"""What comes every month, quarter or year: rent, loans, funds, bills, premiums and fees; and the income."""

import numpy as np

from nivesh.simulate import catalog
from nivesh.simulate.households import BUSINESS, PENSION, SALARIED, Household
from nivesh.simulate.ledger import Rows, months_of, rows, working
from nivesh.simulate.spending import INFLATION, person

# Share of a year's mean electricity bill in each month, January first: the AC runs from April to July.
HEAT = np.array([0.7, 0.7, 0.85, 1.25, 1.6, 1.55, 1.25, 1.05, 1.0, 0.9, 0.7, 0.7])


def bills(home: Household, rng: np.random.Generator) -> list[Rows]:
    """Everything that a household owes at fixed times."""
    months = months_of(home)
    starts = np.array([start for start, _, _ in months])
    calendar = np.array([month for _, _, month in months])
    years = starts / 365
    wealth = (home.income / 70_000) ** 0.5
    parts = []

    def monthly(category, merchant, amount, on, hour, jitter=0, skip=0.0, **options):
        keep = rng.random(len(starts)) >= skip
        late = rng.integers(0, jitter + 1, len(starts)) if jitter else 0
        when = starts + on - 1 + late
        clock = hour + rng.normal(0, 0.15 if jitter == 0 else 1.5, len(starts))
        keep &= when < home.days
        values = np.broadcast_to(amount, starts.shape)
        parts.append(rows(home, when[keep], clock[keep], values[keep], category, merchant, **options))

    if home.rents:
        steps = np.floor(years) if rng.random() < 0.7 else 0 * years
        base = np.round(home.income * rng.uniform(0.18, 0.3), -2)
        monthly("rent", person(rng), np.round(base * 1.06**steps, -2), int(rng.integers(1, 6)), 10.5, 1)
    for _ in range(home.loans):
        base = np.round(home.income * rng.uniform(0.06, 0.2))
        monthly("emi", str(rng.choice(catalog.names("lenders"))), base, int(rng.integers(2, 12)), 6.2)
    for _ in range(home.funds):
        base = float(rng.choice([500, 1000, 2000, 2500, 5000, 10_000])) * max(1, round(wealth))
        begun = rng.integers(0, max(len(starts) // 2, 1)) if rng.random() < 0.4 else 0
        on = int(rng.integers(3, 12))
        fund = str(rng.choice(catalog.names("funds")))
        parts.append(rows(home, starts[begun:] + on, 7.5 + rng.normal(0, 0.1, len(starts) - begun), base, "sip", fund))
    power = 1500 * wealth * HEAT[calendar - 1] * rng.lognormal(0, 0.12, len(starts)) * (1 + INFLATION) ** years
    monthly("utilities", str(rng.choice(catalog.names("power"))), np.round(power), int(rng.integers(6, 16)), 20, 4)
    monthly("utilities", str(rng.choice(catalog.names("internet"))), 707.0 if wealth > 0.8 else 471.0, 9, 19, 3, 0.05)
    gas = np.round(905 * (1 + 0.03 * years))
    monthly("utilities", str(rng.choice(["Indane Gas", "HP Gas", "Bharat Gas"])), gas, 17, 11, 9, 0.35)
    phone = float(rng.choice([199, 239, 299, 399, 599]))
    monthly("mobile", str(rng.choice(catalog.names("phone"))), np.round(phone * (1 + 0.1 * np.floor(years))), 12, 18, 6)
    if home.income > 45_000 and rng.random() < 0.75:
        maid = np.round(2200 * wealth * 1.07 ** np.floor(years), -2)
        monthly("household_help", person(rng), maid, int(rng.integers(1, 6)), 9.5, 2)
    liked = rng.choice(list(catalog.SUBSCRIPTIONS), int(rng.integers(0, 5)), replace=False)
    for name in liked:
        begun = int(rng.integers(0, len(starts))) if rng.random() < 0.35 else 0
        on, price = int(rng.integers(1, 28)), float(catalog.SUBSCRIPTIONS[str(name)])
        cost = np.where(years[begun:] > 1.3, np.round(price * 1.1), price)
        hour = rng.uniform(0, 24) + rng.normal(0, 0.1, len(cost))
        parts.append(rows(home, starts[begun:] + on, hour % 24, cost, "subscriptions", str(name)))
    parts += _yearly(home, starts, calendar, years, rng)
    return parts


def _yearly(home, starts, calendar, years, rng) -> list[Rows]:
    """Premiums, school fees by term, taxes and festival donations."""
    parts = []

    def due(months, category, merchant, base, spread=0.0):
        mask = np.isin(calendar, months)
        n = int(mask.sum())
        if n:
            amount = base * 1.08 ** np.floor(years[mask]) * rng.lognormal(0, spread, n)
            when = starts[mask] + rng.integers(1, 15, n)
            parts.append(rows(home, when, rng.normal(13, 2.5, n), np.round(amount), category, merchant))

    for _ in range(int(rng.integers(0, 3)) + home.children):
        quarterly = rng.random() < 0.3
        month = int(rng.integers(1, 13))
        turns = [(month + 3 * turn - 1) % 12 + 1 for turn in range(4)] if quarterly else [month]
        base = home.income * rng.uniform(0.06, 0.25) / (3 if quarterly else 1)
        due(turns, "insurance", str(rng.choice(catalog.names("insurers"))), base)
    for _ in range(home.children):
        school = f"{rng.choice(catalog.names('schools'))} {home.city}"
        due([4, 7, 10, 1], "school_fees", school, home.income * rng.uniform(0.1, 0.25), 0.05)
        due([4], "school_fees", str(rng.choice(["Uniform Centre", "Vidya Book Depot"])), 4200.0, 0.3)
    if home.work == BUSINESS or home.segment == "high_earner":
        due([6, 9, 12, 3], "tax", "Income Tax Department", home.income * rng.uniform(0.1, 0.25), 0.3)
    if rng.random() < 0.3:
        due([int(rng.integers(4, 8))], "tax", f"{home.city} Municipal Corporation", home.income * 0.12, 0.05)
    if rng.random() < 0.4:
        due([10, 11], "donation", str(rng.choice(["Akshaya Patra", "CRY", "ISKCON", "Goonj"])), 1500.0, 0.4)
    return parts


def income(home: Household, rng: np.random.Generator) -> list[Rows]:
    """What comes in: salary with raises and bonus, business receipts, weekly payouts or a pension; interest."""
    months = months_of(home)
    starts = np.array([start for start, _, _ in months])
    level = home.earning(starts + 15)
    parts = []
    if home.work in (SALARIED, PENSION):
        parts += _salary(home, months, level, rng)
    else:
        times, spread = (5, 0.6) if home.work == BUSINESS else (4.3, 0.25)
        day = np.repeat(np.arange(home.days), rng.poisson(times / 30, home.days))
        amount = home.earning(day) / times * rng.lognormal(-(spread**2) / 2, spread, len(day))
        paid = amount > 0
        payers = (
            [person(rng) for _ in range(8)]
            if home.work == BUSINESS
            else list(rng.choice(catalog.names("platforms"), 2))
        )
        source = rng.choice(payers, len(day))
        kind = "business_income" if home.work == BUSINESS else "gig_income"
        hour = rng.normal(14, 3, len(day)) % 24
        parts.append(rows(home, day[paid], hour[paid], amount[paid], kind, source[paid], direction="credit"))
    quarter = starts[[month in (1, 4, 7, 10) for _, _, month in months]]
    interest = home.income * 0.012 * rng.lognormal(0, 0.3, len(quarter))
    parts.append(rows(home, quarter, 2.5, interest, "interest", "Savings Interest", direction="credit"))
    day = np.flatnonzero(rng.random(home.days) < 0.7 / 30)
    friends = [person(rng) for _ in range(4)]
    got = np.round(rng.lognormal(np.log(1500), 0.9, len(day)), -1)
    who = rng.choice(friends, len(day))
    parts.append(rows(home, day, rng.normal(17, 3, len(day)) % 24, got, "transfers", who, direction="credit"))
    return parts


def _salary(home, months, level, rng) -> list[Rows]:
    employer = "Pension Office" if home.work == PENSION else str(rng.choice(catalog.names("employers")))
    paydays = []
    for start, length, _ in months:
        if home.payday == "last_working_day":
            paydays.append(working(home.first, start + length - 1, forward=False))
        else:
            paydays.append(working(home.first, start + (0 if home.payday == "first" else 6), forward=True))
    day, n = np.array(paydays), len(months)
    employers = np.full(n, employer, dtype="<U32")
    jobs = [start for start, factor in home.raises if factor == 0]
    if jobs and home.work == SALARIED:
        employers[day >= jobs[0]] = str(rng.choice(catalog.names("employers")))
    amount = np.round(level * rng.lognormal(0, 0.004, n))
    paid = (level > 0) & (day < home.days)
    category = "pension" if home.work == PENSION else "salary"
    hour = rng.normal(8.5 if home.work == PENSION else 11, 0.6, n)
    parts = [rows(home, day[paid], hour[paid], amount[paid], category, employers[paid], direction="credit")]
    if home.work == SALARIED and rng.random() < 0.55:
        month = int(rng.choice([3, 4, 10]))
        due = paid & np.array([number == month for _, _, number in months])
        bonus = level[due] * rng.uniform(0.4, 1.8)
        day = np.minimum(day[due] + 1, home.days - 1)
        parts.append(rows(home, day, 12.0, bonus, "bonus", employers[due], direction="credit"))
    return parts


def refunds(home: Household, table: Rows, rng: np.random.Generator) -> Rows:
    """Some purchases come back a few days later, in full or in part."""
    online = np.isin(table["category"], ("shopping", "travel", "food_delivery", "electronics"))
    back = np.flatnonzero(online & (rng.random(len(online)) < 0.025))
    first = home.first.astype("datetime64[s]")
    day = (table["time"][back] - first).astype("timedelta64[D]").astype(int) + rng.integers(1, 9, len(back))
    part = np.where(rng.random(len(back)) < 0.7, 1.0, rng.uniform(0.2, 0.8, len(back)))
    amount, keep = table["amount"][back] * part, day < home.days
    hour, merchant = rng.uniform(8, 22, len(back)), table["merchant"][back]
    return rows(home, day[keep], hour[keep], amount[keep], "refund", merchant[keep], direction="credit")
