"""Made-up amounts, dates, accounts and merchants, written as people in India write them."""

import numpy as np

from nivesh.models.financial_ner import lexicon as lists

_PEOPLE = [
    "sharma",
    "gupta",
    "verma",
    "patel",
    "shah",
    "mehta",
    "reddy",
    "rao",
    "nair",
    "iyer",
    "menon",
    "pillai",
    "das",
    "ghosh",
    "banerjee",
    "singh",
    "kaur",
    "khan",
    "ansari",
    "lakshmi",
    "ganesh",
    "balaji",
    "sai",
    "krishna",
    "durga",
    "shree",
    "annapurna",
    "mahalaxmi",
    "venkateshwara",
    "raju",
    "ramu",
    "mohan",
    "suresh",
    "ramesh",
    "anita",
    "meenakshi",
    "gayatri",
    "jai",
    "royal",
    "new",
    "modern",
    "city",
    "star",
    "national",
    "bombay",
    "delhi",
    "madras",
    "punjab",
    "kerala",
    "mysore",
]
_SHOPS = """kirana,general store,general stores,stores,medicals,medical store,pharmacy,sweets,bakery,dairy,textiles,sarees,
garments,electronics,mobile shop,mobiles,hardware,furniture,jewellers,opticals,stationers,book depot,supermarket,mart,
traders,enterprises,agencies,motors,auto works,garage,petrol pump,travels,tours,tailors,salon,beauty parlour,dhaba,
restaurant,tiffin centre,cafe,juice centre,chicken centre,vegetables,fruit shop,clinic,hospital,dental care,diagnostics,
classes,tuition centre,public school,academy,gym,caterers,decorators,plumbing,laundry,gas agency,finance,chits,properties"""
_SHOPS = tuple(" ".join(name.split()) for name in _SHOPS.split(","))
_UNITS = ("k", "k", "L", " lakh", " lakh", " lakhs", " lac", "lakh", " cr", " crore", " thousand", " hazaar", " hazar")
_COUNTED = ("days", "weeks", "months", "months", "years", "years", "din", "hafte", "mahine", "saal", "yrs", "mnths")
_WORDS = ("two", "three", "four", "five", "six", "ten", "do", "teen", "char", "paanch")


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
        whole = str(_pick(rng, (1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 80)))
        number = whole + (f".{rng.integers(1, 10)}" if rng.random() < 0.2 else "") + _pick(rng, _UNITS)
    else:
        number = f"{_pick(rng, _WORDS)} {_pick(rng, ('lakh', 'thousand', 'hundred', 'crore', 'hazaar', 'sau'))}"
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


def grouped(digits: str) -> str:
    """Digits with commas as in India: 1234567 -> 12,34,567."""
    head, tail = digits[:-3], digits[-3:]
    parts = [tail]
    while head:
        parts.insert(0, head[-2:])
        head = head[:-2]
    return ",".join(parts)


def date(rng: np.random.Generator) -> str:
    """A date, period, length of time, repetition or festival."""
    form = rng.integers(8)
    day, month, year = rng.integers(1, 29), _pick(rng, lists.MONTHS), rng.integers(2019, 2041)
    if form == 0:
        mark = _pick(rng, ("", "st", "nd", "rd", "th"))
        return _pick(rng, (f"{day}{mark} {month}", f"{month} {day}", f"{day} {month} {year}", f"{day}-{month}-{year}",
                           f"{day:02d}{month[:3]}{year % 100}", f"{day}/{rng.integers(1, 13)}/{year}",
                           f"{day:02d}-{rng.integers(1, 13):02d}-{year}", f"{day} tarikh", f"{day}{mark}", f"{day} tareekh"))  # fmt: skip
    if form == 1:
        return _pick(rng, (month, f"{month} {year}", f"last {month}", f"next {month}", f"{month} end", f"this {month}"))
    if form == 2:
        count = _pick(rng, (str(rng.integers(2, 40)), _pick(rng, _WORDS)))
        unit = _pick(rng, _COUNTED)
        if unit in ("din", "hafte", "mahine", "saal"):
            return f"{count} {unit}{_pick(rng, (' mein', ' pehle', ' baad', '', ' me', ' tak'))}".removesuffix(" tak")
        return _pick(rng, (f"in {count} {unit}", f"{count} {unit} ago", f"{count} {unit}", f"last {count} {unit}",
                           f"next {count} {unit}", f"past {count} {unit}", f"every {count} {unit}"))  # fmt: skip
    if form == 3:
        return _pick(rng, ("", "", "last ", "next ", "this ", "every ", "har ", "pichle ", "agle ")) + _pick(
            rng, lists.DAYS[:14]
        )
    if form == 4:
        return _pick(rng, ("", "", "", "last ", "next ", "this ", "pichli ", "agli ")) + _pick(rng, lists.FESTIVALS)
    if form == 5:
        return _pick(rng, (f"FY {year}-{(year + 1) % 100:02d}", f"FY{year % 100}", f"{year}", f"Q{rng.integers(1, 5)} {year}",
                           f"{year}-{(year + 1) % 100:02d}", f"AY {year}-{(year + 1) % 100:02d}"))  # fmt: skip
    return _pick(rng, lists.TIMES[:80])


def account(rng: np.random.Generator) -> str:
    """What holds or moves money; never a bank's name alone, which may be a merchant."""
    form, bank = rng.integers(6), _pick(rng, lists.BANKS)
    if form == 0:
        return _pick(rng, lists.RAILS)
    if form == 1:
        return f"{bank} {_pick(rng, lists.CARDS)} {_pick(rng, ('card', 'credit card', 'debit card', 'CC', 'DC'))}"
    if form == 2:
        return (
            f"{bank} {_pick(rng, ('credit card', 'debit card', 'card', 'wallet', 'UPI', 'netbanking', 'forex card'))}"
        )
    if form == 3:
        return _pick(rng, lists.ACCOUNT_HEADS)
    if form == 4:
        return f"{bank} {_pick(rng, ('ka ', 'ke ', 'wala ', ''))}{_pick(rng, ('khata', 'account', 'khate', 'a/c'))}"
    return f"{bank} {_pick(rng, lists.ACCOUNT_HEADS)}"


def merchant(rng: np.random.Generator) -> str:
    """A known business, or a local one that no list has."""
    if rng.random() < 0.65:
        return _pick(rng, lists.MERCHANTS)
    owner = _pick(rng, _PEOPLE)
    if rng.random() < 0.2:
        owner += f" {_pick(rng, _PEOPLE)}"
    return f"{owner} {_pick(rng, _SHOPS)}"


def _pick(rng: np.random.Generator, items):
    return items[int(rng.integers(len(items)))]
