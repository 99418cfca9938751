"""Columns of any type -> texts, numbers, dates and flags. The same value is read the same whatever the type of its
column (str, category, object, Arrow, int, float) and whatever the other rows hold; problems name row and column."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nivesh.data.dialect import Dialect, propose
from nivesh.text.normalization import normalize


class Problem(NamedTuple):
    """What is wrong with one value. ``row`` as a spreadsheet shows it; 0 where the whole column is meant."""

    row: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"{f'row {self.row}, ' if self.row else ''}column {self.column}: {self.text}"


MISSING = "the value is missing; fill it in or drop the row"
NOT_FINITE = "not a finite number; correct the value"
NO_VALUE = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--"})  # in columns of numbers; texts keep them
PLAIN_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
CURRENCY = re.compile(r"^(?:₹|rs\.?|inr)\s*|\s*(?:₹|inr|/-)$", re.IGNORECASE)
SIDE = re.compile(r"[\s(]*\b(dr|cr|debit|credit)\b\.?\)?$", re.IGNORECASE)
GROUPED = {
    # Western 1,250,000 or Indian 12,50,000, with an optional fraction behind the decimal mark.
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3})(?:\.\d*)?"),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d{1,2}(?:\.\d{2})*\.\d{3}|\d+)(?:,\d*)?"),
}
FLAGS = {"true": 1, "yes": 1, "1": 1, "1.0": 1, "false": 0, "no": 0, "0": 0, "0.0": 0}


class Number(NamedTuple):
    """A value read as a number. ``side`` is debit or credit where the value itself says so."""

    value: float
    side: str = ""
    percent: bool = False
    problem: str = ""


class Numbers(NamedTuple):
    """A column of numbers: float64 with NaN where missing or wrong, and what the values say of themselves."""

    values: np.ndarray
    side: np.ndarray
    percent: np.ndarray
    problems: list[Problem]


def each_once(column: pd.Series, read: Callable[[Any], Any]) -> list[Any]:
    """``read`` of every value, called once for equal values."""
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    answers = [read(value) for value in distinct.tolist()]
    return [answers[code] for code in codes.tolist()]


def texts(column: pd.Series) -> tuple[pd.Series, list[Problem]]:
    """Normalized texts, "" where missing. Whole numbers are written without a fraction: 123.0 -> "123"."""
    values = pd.Series(each_once(_objects(column), text), index=column.index, dtype=object, name=column.name)
    if not any("\x00" in value for value in values.unique()):
        return values, []
    bad = values.index[values.str.contains("\x00", regex=False)]
    return values, [Problem(int(row), str(column.name), "holds a NUL byte; correct the value") for row in bad]


def text(value: Any) -> str:
    """One value as normalized text; "" where it is missing."""
    if isinstance(value, str):
        return normalize(value)
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, bytes):
        return normalize(value.decode("utf-8", "replace"))
    if isinstance(value, float):
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return normalize(str(value))


def numbers(column: pd.Series, dialect: Dialect, delimiter: str = "") -> Numbers:
    """Numbers: plain ones, and unambiguous spellings of amounts ("₹1,25,000.50", "(500.00)", "12 %", "450.00 Dr").

    Args:
        column: of any type.
        dialect: its decimal mark.
        delimiter: of the text file. Where it is a semicolon, decimal commas are usual, and "1,250" is refused.
    """
    name, rows = str(column.name), column.index
    side, percent = np.full(len(column), "", dtype=object), np.zeros(len(column), dtype=bool)
    problems: list[Problem] = []
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
    else:
        words, problems = texts(column)
        plain = words.str.fullmatch(PLAIN_NUMBER).to_numpy(dtype=bool)
        if dialect.decimal == ",":
            plain &= ~words.str.contains(".", regex=False).to_numpy(dtype=bool)
        values = np.full(len(words), np.nan)
        values[plain] = words[plain].astype(float)
        others = each_once(words[~plain], lambda word: number(word, dialect, delimiter))
        for place, found in zip(np.flatnonzero(~plain), others, strict=True):
            values[place], side[place], percent[place] = found.value, found.side, found.percent
            if found.problem:
                problems.append(Problem(int(rows[place]), name, found.problem))
    infinite = np.isinf(values)
    problems += [Problem(int(row), name, NOT_FINITE) for row in rows[infinite]]
    return Numbers(np.where(infinite, np.nan, values), side, percent, problems)


def number(word: str, dialect: Dialect, delimiter: str = "") -> Number:
    """A normalized text as a number; NaN with a problem where it is none, NaN alone where it is missing."""
    if word.casefold() in NO_VALUE:
        return Number(math.nan)
    bare, side = word.replace("−", "-"), ""
    if match := SIDE.search(bare):
        side, bare = "debit" if match[1][0] in "dD" else "credit", bare[: match.start()].rstrip()
    negative = bare.startswith("(") and bare.endswith(")")
    bare = CURRENCY.sub("", CURRENCY.sub("", bare.strip("()").strip() if negative else bare)).strip()
    percent = bare.endswith("%")
    bare = re.sub(r"(?<=\d)[\s\u00a0\u202f'](?=\d{3}(?!\d))", "", bare.rstrip("% "))
    mark = dialect.decimal or "."
    if re.fullmatch(r"[+-]?(inf|infinity)", bare, re.IGNORECASE):
        return Number(math.nan, problem=NOT_FINITE)
    if dialect.decimal is None and delimiter == ";" and re.fullmatch(r"[+-]?\d{1,3},\d{3}", bare):
        line = propose('decimal: "," or decimal: "."')
        return Number(math.nan, problem=f"{word!r} may be a fraction or thousands; {line}")
    if GROUPED[mark].fullmatch(bare):
        bare = bare.replace("." if mark == "," else ",", "").replace(",", ".")
    elif mark == "," and "." in bare:
        bare = ""
    try:
        value = float(bare) if bare and "_" not in bare else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value):
        other = "," if mark == "." else "."
        line = f"; {propose(f'decimal: {chr(34)}{other}{chr(34)}')}" if _would_read(bare or word, other) else ""
        return Number(math.nan, problem=f"{word!r} is not a number{line or '; correct the value'}")
    return Number(-abs(value) if negative else value, side, percent)


def _would_read(word: str, decimal: str) -> bool:
    """Whether a text is a number with this decimal mark."""
    bare = CURRENCY.sub("", word)
    return bool(GROUPED[decimal].fullmatch(bare)) or (decimal == "," and bool(re.fullmatch(r"[+-]?\d*,\d+", bare)))


def flags(column: pd.Series) -> tuple[pd.Series, list[Problem]]:
    """true and false in the usual spellings as 1.0 and 0.0; NaN where missing or wrong."""
    words, problems = texts(column)
    lowered = words.str.casefold()
    values = lowered.map(FLAGS).astype(float)
    wrong = words[values.isna() & ~lowered.isin(NO_VALUE)]
    problems += [
        Problem(int(row), str(column.name), f"{word!r} is neither 0 nor 1; correct the value")
        for row, word in wrong.items()
    ]
    return values, problems


def words(column: pd.Series, known: Mapping[str, str]) -> tuple[pd.Series, list[Problem]]:
    """Words of a closed list, compared without case: texts mapped by ``known``, "" where missing or wrong."""
    given, problems = texts(column)
    read = given.str.casefold().str.rstrip(".").map(known)
    wrong = given[read.isna() & (given != "")]
    choices = ", ".join(dict.fromkeys(known.values()))
    problems += [
        Problem(int(row), str(column.name), f"{word!r} is unknown; write one of {choices}")
        for row, word in wrong.items()
    ]
    return read.fillna(""), problems


def _objects(column: pd.Series) -> pd.Series:
    """The column as Python objects: categories, Arrow strings and nullable types become plain values."""
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.astype("string").astype(object)
    return column.astype(object)
