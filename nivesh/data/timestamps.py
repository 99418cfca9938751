"""Timestamps of any spelling -> Indian time without a zone. A day is never guessed from a month."""

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nivesh.data.columns import MISSING, Problem, each_once, text
from nivesh.data.dialect import INDIA, UNIX, Dialect, propose

ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|IST|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE,
)
SIMPLE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"  # ISO 8601 as pandas reads it at once
NUMERIC = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:[T\s]+(\d{1,2}:\d{2}(:\d{2})?)(\s*[AP]M)?)?", re.IGNORECASE
)
NAMED = ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y")  # a month's name cannot be taken for a day
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
OLDEST = datetime(1990, 1, 1)  # before that no bank had exports; 1 January 1970 is a zero
GAP_YEARS, YEAR = 10, np.timedelta64(365 * 24 * 3600, "s")
AHEAD = timedelta(days=1)  # clocks and zones differ by less


def timestamps(column: pd.Series, dialect: Dialect) -> tuple[pd.Series, list[Problem]]:
    """datetime64[ns] in Indian time without a zone, NaT where missing or wrong.

    Read are ISO 8601 with and without a zone ("2025-03-31 12:35:00+00"), dates with a month's name ("31 Mar 2025") and
    what ``dialect.date_format`` describes. Times without a zone are of ``dialect.timezone``.
    """
    name = str(column.name)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert(INDIA).dt.tz_localize(None)
    elif not (pd.api.types.is_datetime64_dtype(column.dtype) and dialect.timezone == INDIA):
        column = column.astype(object)
    if column.dtype == object:
        words = column.map(lambda value: value.strip() if isinstance(value, str) else "")
        simple = words.str.fullmatch(SIMPLE) if not dialect.date_format and dialect.timezone == INDIA else words == "\0"
        values = pd.to_datetime(words.where(simple), format="ISO8601", errors="coerce")
        others = each_once(column[~simple], lambda value: _timestamp(value, dialect))
        values[~simple] = pd.to_datetime(pd.Series(others, dtype=object), errors="coerce").to_numpy()
    else:
        values = column
    problems = []
    missing = values.isna()
    if missing.any():
        samples = [text(value) for value in column[missing].head(1000)]
        for row, value in column[missing].items():
            problems.append(Problem(int(row), name, _explain(text(value), samples, dialect)))
    return values.astype("datetime64[ns]"), problems


def implausible(values: pd.Series) -> list[Problem]:
    """Rows in the future, before 1990, or ten years and more from all others."""
    name, known = str(values.name), values.dropna().sort_values(kind="stable")
    problems: dict[int, Problem] = {}
    now = pd.Timestamp.now(INDIA).tz_localize(None)
    for row, value in known[(known > now + AHEAD) | (known < OLDEST)].items():
        where = "in the future" if value > now else f"before {OLDEST.year}"
        problems[int(row)] = Problem(int(row), name, f"{value} is {where}; correct the year")
    gaps = np.flatnonzero(np.diff(known.to_numpy()) > GAP_YEARS * YEAR)
    if len(gaps):
        parts = np.split(np.arange(len(known)), gaps + 1)
        largest = max(parts, key=len)
        middle = known.iloc[largest[len(largest) // 2]]
        for place in np.concatenate([part for part in parts if part is not largest]):
            row, value = int(known.index[place]), known.iloc[place]
            years = abs(value - middle).days // 365
            other = " and in the future" if value > now + AHEAD else ""
            problems[row] = Problem(row, name, f"{value} is {years} years from the other rows{other}; correct the year")
    return list(problems.values())


def _timestamp(value: Any, dialect: Dialect) -> pd.Timestamp | None:
    """One value as a timestamp in Indian time; None where it is none."""
    if value is None or value is pd.NaT:
        return None
    try:
        if isinstance(value, datetime):  # pandas' Timestamp too
            return _indian(pd.Timestamp(value), dialect)
        word = text(value)
        if dialect.date_format in UNIX:
            return _indian(
                pd.Timestamp(float(word), unit="s" if dialect.date_format == "unix_s" else "ms", tz="UTC"), dialect
            )
        if dialect.date_format:
            return _indian(pd.Timestamp(datetime.strptime(word, dialect.date_format)), dialect)
        if match := ISO.fullmatch(word):
            return _indian(_iso(match), dialect)
        return _indian(_named(word), dialect)
    except (ValueError, OverflowError):
        return None


def _iso(match: re.Match[str]) -> pd.Timestamp:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    nanoseconds = int((match[7] or "").ljust(9, "0"))
    value = pd.Timestamp(year, month, day, hour, minute, second, nanoseconds // 1000, nanosecond=nanoseconds % 1000)
    zone = (match[8] or "").upper()
    if not zone:
        return value
    if zone[0] not in "+-":
        return value.tz_localize(INDIA if zone == "IST" else "UTC")
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 14 or minutes > 59:
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return (value - offset if zone[0] == "+" else value + offset).tz_localize("UTC")


def _named(word: str) -> pd.Timestamp:
    words = " ".join(re.sub(r"(?<=[\dA-Za-z])[-/,.]+(?=\s*[\dA-Za-z])", " ", word).split())
    if not re.search("[A-Za-z]{3}", words):
        raise ValueError(word)
    for day in NAMED:
        for time in TIMES:
            try:
                return pd.Timestamp(datetime.strptime(words, day + time))
            except ValueError:
                continue
    raise ValueError(word)


def _indian(value: pd.Timestamp, dialect: Dialect) -> pd.Timestamp:
    if value.tzinfo is None:
        if dialect.timezone == INDIA:
            return value
        value = value.tz_localize(zoneinfo.ZoneInfo(dialect.timezone))
    return value.tz_convert(INDIA).tz_localize(None)


def _explain(word: str, samples: Sequence[str], dialect: Dialect) -> str:
    """Why a text is no timestamp, and the dialect line that would read it."""
    if not word:
        return MISSING
    if dialect.date_format:
        return f"{word!r} is not a date in the dialect's date_format {dialect.date_format!r}"
    wrong = f"{word!r} is not a date"
    if re.fullmatch(r"\d{4}(-\d{1,2})?", word):
        return f"{word!r} is only a {'month' if '-' in word else 'year'}; write it as 2025-03-31T18:05:00"
    formats = {8: "%Y%m%d", 10: "unix_s", 13: "unix_ms"}
    if word.isdigit() and len(word) in formats:
        return f"{wrong}; {propose(f'date_format: {chr(34)}{formats[len(word)]}{chr(34)}')}"
    if match := NUMERIC.fullmatch(word):
        return f"{word!r} does not say which is the day; {propose(_numeric_format(match, samples))}"
    if match := re.fullmatch(r"(\d{1,2})([ -/])([A-Za-z]{3})\2(\d{2})", word):
        return f"{word!r} has a year of two digits; {propose(f'date_format: {chr(34)}%d{match[2]}%b{match[2]}%y{chr(34)}')}"
    return f"{wrong}; write it as 2025-03-31T18:05:00"


def _numeric_format(match: re.Match[str], samples: Sequence[str]) -> str:
    """The line for dates such as 31/03/2025, and both lines where no sample shows which is the day."""
    mark, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
    time = "" if not match[5] else (" %I:%M" if match[7] else " %H:%M") + (":%S" if match[6] else "")
    time += " %p" if match[7] else ""
    found = [other for other in (NUMERIC.fullmatch(sample) for sample in samples) if other]
    lines = [
        f'date_format: "{first}{mark}{second}{mark}{year}{time}"'
        for first, second, place in (("%d", "%m", 3), ("%m", "%d", 1))
        if all(int(other[place]) <= 12 for other in found)
    ]
    return " or ".join(lines) or f'date_format: "%d{mark}%m{mark}{year}{time}"'
