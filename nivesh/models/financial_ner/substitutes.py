"""Made-up amounts, dates, accounts and merchants, written as people in India write them."""

from collections.abc import Callable, Sequence

import numpy as np

from nivesh.models.financial_ner.lexicon import CATEGORIES, MERCHANTS, WORDS
from nivesh.text.indian_numbers import grouped

_UNITS = ("k", "k", "L", " lakh", " lakh", " lakhs", " lac", "lakh", " cr", " crore", " thousand", " hazaar", " hazar")
_TIME_UNITS = ("days", "weeks", "months", "months", "years", "years", "din", "hafte", "mahine", "saal", "yrs", "mnths")
_COUNT_WORDS = ("two", "three", "four", "five", "six", "ten", "do", "teen", "char", "paanch")


def amount(rng: np.random.Generator, bare: bool) -> str:
    """An amount of money; with ``bare`` it may be a number alone."""
    form = rng.random()
    if form < 0.35:
        digits = str(int(10 ** rng.uniform(1, 6.5)))
        if rng.random() < 0.5 and len(digits) > 3:
            digits = digits[:-1] + "0"
        number = grouped(digits) if rng.random() < 0.6 else digits
        if rng.random() < 0.25:
            number += f".{rng.integers(100):02d}"
    elif form < 0.6:
        number = grouped(f"{int(rng.integers(1, 100))}{'0' * int(rng.integers(2, 5))}")
    elif form < 0.9:
        whole = str(rng.choice((1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 80)))
        number = whole + (f".{rng.integers(1, 10)}" if rng.random() < 0.2 else "") + _pick(rng, _UNITS)
    else:
        number = f"{_pick(rng, _COUNT_WORDS)} {_pick(rng, ('lakh', 'thousand', 'hundred', 'crore', 'hazaar', 'sau'))}"
        return number + _pick(rng, ("", " rupees", " rupaye")) if "hundred" not in number else f"{number} rupees"
    draw = rng.random()
    if bare and draw < 0.5:
        return number
    if draw < 0.85:
        return (
            _pick(
                rng,
                ("₹", "₹", "₹", "₹ ", "Rs ", "Rs.", "Rs. ", "rs ", "rs", "INR ", "Re ", "$", "USD ", "€", "£", "AED "),
            )
            + number
        )
    return number + _pick(rng, (" rupees", " rupaye", " rs", " Rs", "/-", " bucks", " rupay", "rs"))


def date(rng: np.random.Generator) -> str:
    """A date, period, length of time, repetition or festival."""
    form = rng.integers(8)
    day, month, year = rng.integers(1, 29), _pick(rng, WORDS["months"]), rng.integers(2019, 2041)
    if form == 0:
        mark = _pick(rng, ("", "st", "nd", "rd", "th"))
        return _pick(rng, (f"{day}{mark} {month}", f"{month} {day}", f"{day} {month} {year}", f"{day}-{month}-{year}",
                           f"{day:02d}{month[:3]}{year % 100}", f"{day}/{rng.integers(1, 13)}/{year}",
                           f"{day:02d}-{rng.integers(1, 13):02d}-{year}", f"{day} tarikh", f"{day}{mark}", f"{day} tareekh"))  # fmt: skip
    if form == 1:
        return _pick(rng, (month, f"{month} {year}", f"last {month}", f"next {month}", f"{month} end", f"this {month}"))
    if form == 2:
        count = _pick(rng, (str(rng.integers(2, 40)), _pick(rng, _COUNT_WORDS)))
        unit = _pick(rng, _TIME_UNITS)
        if unit in ("din", "hafte", "mahine", "saal"):
            return f"{count} {unit}{_pick(rng, (' mein', ' pehle', ' baad', '', ' me', ' tak'))}".removesuffix(" tak")
        return _pick(rng, (f"in {count} {unit}", f"{count} {unit} ago", f"{count} {unit}", f"last {count} {unit}",
                           f"next {count} {unit}", f"past {count} {unit}", f"every {count} {unit}"))  # fmt: skip
    if form == 3:
        return _pick(rng, ("", "", "last ", "next ", "this ", "every ", "har ", "pichle ", "agle ")) + _pick(
            rng, WORDS["days"][:14]
        )
    if form == 4:
        return _pick(rng, ("", "", "", "last ", "next ", "this ", "pichli ", "agli ")) + _pick(rng, WORDS["festivals"])
    if form == 5:
        return _pick(rng, (f"FY {year}-{(year + 1) % 100:02d}", f"FY{year % 100}", f"{year}", f"Q{rng.integers(1, 5)} {year}",
                           f"{year}-{(year + 1) % 100:02d}", f"AY {year}-{(year + 1) % 100:02d}"))  # fmt: skip
    return _pick(rng, WORDS["times"][:80])


def account(rng: np.random.Generator) -> str:
    """What holds or moves money; never a bank's name alone, which may be a merchant."""
    form, bank = rng.integers(6), _pick(rng, WORDS["banks"])
    if form == 0:
        return _pick(rng, WORDS["rails"])
    if form == 1:
        return f"{bank} {_pick(rng, WORDS['cards'])} {_pick(rng, ('card', 'credit card', 'debit card', 'CC', 'DC'))}"
    if form == 2:
        return (
            f"{bank} {_pick(rng, ('credit card', 'debit card', 'card', 'wallet', 'UPI', 'netbanking', 'forex card'))}"
        )
    if form == 3:
        return _pick(rng, WORDS["account_heads"])
    if form == 4:
        return f"{bank} {_pick(rng, ('ka ', 'ke ', 'wala ', ''))}{_pick(rng, ('khata', 'account', 'khate', 'a/c'))}"
    return f"{bank} {_pick(rng, WORDS['account_heads'])}"


def merchant(rng: np.random.Generator) -> str:
    """A known business, or a local one that no list has."""
    if rng.random() < 0.65:
        return _pick(rng, MERCHANTS)
    owner = _pick(rng, WORDS["shop_owners"])
    if rng.random() < 0.2:
        owner += f" {_pick(rng, WORDS['shop_owners'])}"
    return f"{owner} {_pick(rng, WORDS['shop_kinds'])}"


def category(rng: np.random.Generator) -> str:
    """A kind of spending, income or financial product."""
    return _pick(rng, CATEGORIES)


def _pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]


MAKERS: dict[str, Callable[[np.random.Generator], str]] = {
    "DATE": date, "ACCOUNT": account, "MERCHANT": merchant, "CATEGORY": category,
}  # fmt: skip
