"""Examples of advice for tuning: JSON lines of instruction, input and output."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.data.datasets import DATASETS, Rows
from nivesh.data.dialect import DEFAULT, Dialect
from nivesh.data.source import read_bytes
from nivesh.data.texts import MAX_CHARACTERS, json_records, source_frame
from nivesh.errors import DataError
from nivesh.text import personal_data

FIELDS = ("instruction", "input", "output")
MAX_ANSWER = 8_000  # characters; far below Vertex AI's limit, far above what a person reads
MIN_ANSWER = 40  # characters; shorter answers teach the model to be curt

# Frequent in Hinglish sentences; none is an English word.
HINGLISH_WORDS = (
    "hai hain ka ki ke ko se mein mera meri mere kya kaise kitna kitne kitni nahi nahin aur ye yeh wo woh hu hoon ho tha "
    "thi raha rahe rahi karo kare karu karna chahiye liye sakta sakte sakti paisa paise kharcha apna apne bhi hi toh jo "
    "jab agar lekin isliye aap hum mujhe koi kuch sab bahut saal mahina mahine"
)
HINGLISH = frozenset(HINGLISH_WORDS.split())
TAX_RULE = re.compile(
    r"\b(slab|80[A-Z]{1,4}|87A|234[A-F]|10\(\d+\w*\)|112A|LTCG|STCG|TDS|cess|standard deduction|SCSS|tax rate)\b"
)
YEAR = re.compile(r"\b(?:FY|AY)?\s?20\d\d(?:-\d\d)?\b")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one example. ``personal`` problems can be masked, the others must be corrected."""

    where: str
    text: str
    personal: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True)
class Checked:
    """The examples of a file that have the three fields, and all problems of the file."""

    rows: pd.DataFrame
    problems: list[Problem]


def read_advice(content: bytes, name: str, labelled: bool, dialect: Dialect = DEFAULT) -> Rows:
    """Columns instruction, input, output, language and tokens; input is the question; output is "" where not labelled.

    ``language`` is en, hi or hinglish. ``tokens`` is an estimate of question and answer together.

    Raises:
        DataError: an example has a problem; the message names the first one and the number of the others.
    """
    checked = _check(content, name, labelled, dialect)
    if checked.problems:
        first, *others = checked.problems
        more = f" (and {len(others)} more; nivesh tune --dry-run lists all)" if others else ""
        raise DataError(f"{first}{more}")
    return Rows(checked.rows, lambda: source_frame(list(json_records(content, name))))


def check(path: Path, labelled: bool = True, dialect: Dialect = DEFAULT) -> Checked:
    """Read examples and list all problems: fields, lengths, duplicates, personal data.

    Args:
        dialect: its columns and constants say which fields of the file are ours.

    Raises:
        DataError: the file is not JSON lines in UTF-8, or the dialect has other fields.
    """
    DATASETS["advice"].check_dialect(path, dialect)
    return _check(read_bytes(path, "advice"), path.name, labelled, dialect)


def _check(content: bytes, name: str, labelled: bool, dialect: Dialect) -> Checked:
    if unknown := {*dialect.columns, *dialect.constants} - set(FIELDS):
        raise DataError(f"{name}: {', '.join(sorted(unknown))} of the dialect: the fields are {', '.join(FIELDS)}")
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for where, own in json_records(content, name):
        record = {**dialect.constants, **own}
        record |= {ours: own[theirs] for ours, theirs in dialect.columns.items() if theirs in own}
        if invalid := list(_invalid(record, labelled)):
            problems += [Problem(where, text) for text in invalid]
            continue
        row = {field: " ".join(str(record.get(field) or "").split()) for field in FIELDS}
        row["input"] = row["input"] or row["instruction"]  # without an input the instruction is the question
        for field in FIELDS:
            if kinds := dict.fromkeys(found.kind for found in personal_data.find(row[field])):
                text = f"{field} holds personal data ({', '.join(kinds)}); take it out, or tune with --mask"
                problems.append(Problem(where, text, personal=True))
        key = row["input"].casefold()
        if labelled and key in seen:
            problems.append(Problem(where, f"the same question as {seen[key]}; keep one of the two"))
            continue
        seen[key] = where
        language = language_of(f"{row['input']} {row['output']}")
        rows.append(row | {"language": language, "tokens": tokens(row["input"]) + tokens(row["output"])})
    return Checked(pd.DataFrame(rows, columns=[*FIELDS, "language", "tokens"]), problems)


def masked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with personal data replaced by their kind, such as ``[PAN]``."""
    return rows.assign(**{name: [personal_data.mask(text)[0] for text in rows[name]] for name in FIELDS})


def undated(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose answer names a tax rule or rate, which budgets change, without a year."""
    stale = [bool(TAX_RULE.search(text)) and not YEAR.search(text) for text in rows["output"]]
    return rows[stale]


def language_of(text: str) -> str:
    """en, hi (Devanagari) or hinglish (Hindi in Latin letters)."""
    if sum("\u0900" <= c <= "\u097f" for c in text) > 0.2 * len(text):
        return "hi"
    words = re.findall(r"[a-z]+", text.casefold())
    return "hinglish" if sum(word in HINGLISH for word in words) >= max(2, 0.12 * len(words)) else "en"


def tokens(text: str) -> int:
    """An upper estimate of Gemini's tokens: one for 3.5 Latin or 2 other characters."""
    latin = sum(c < "\u0250" for c in text)
    return round(latin / 3.5 + (len(text) - latin) / 2) + 1


def _invalid(record: dict[str, Any], labelled: bool) -> Iterator[str]:
    named = ", ".join(record) or "none"
    needed = ("instruction", "output") if labelled else ()
    for name in needed:
        if not isinstance(record.get(name), str) or not record[name].strip():
            yield f'"{name}" is missing or empty; found the fields {named}'
    for name in FIELDS:
        if isinstance(record.get(name), str) and LONE_SURROGATE.search(record[name]):
            yield f'"{name}" holds half a character (a lone surrogate, \\ud800 to \\udfff); write the whole character'
    question, answer = record.get("input"), record.get("output") or ""
    question = record.get("instruction") if question in (None, "") else question
    if not isinstance(question, str) or not question.strip():
        yield f'"input" must be a text that is not empty; found the fields {named}'
    elif len(question) > MAX_CHARACTERS:
        yield f"the question has {len(question)} characters; at most {MAX_CHARACTERS} are allowed"
    if isinstance(answer, str) and labelled and answer.strip():
        if len(answer) > MAX_ANSWER:
            yield f"the answer has {len(answer)} characters; at most {MAX_ANSWER} are allowed"
        elif len(answer.strip()) < MIN_ANSWER:
            yield f"the answer has {len(answer.strip())} characters; write {MIN_ANSWER} or more"
