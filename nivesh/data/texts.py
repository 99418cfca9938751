"""Labelled texts: intents and entities, in JSON lines, the guide's JSON lists and spaCy's formats."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.errors import DataError

INTENTS = (
    "affordability_check", "budget_creation", "debt_management", "emergency_fund", "general_question",
    "goal_planning", "insurance_advice", "investment_advice", "loan_inquiry", "retirement_planning",
    "savings_strategy", "spending_analysis", "tax_planning", "transaction_query",
)  # fmt: skip
ENTITY_LABELS = ("MONEY", "DATE", "CATEGORY", "MERCHANT", "ACCOUNT")
MAX_CHARACTERS = 2_000


def read_intents(path: Path, labelled: bool = True) -> pd.DataFrame:
    """Columns text, intent, from JSON lines or a JSON list of {"text", "intent"}; text alone where not labelled.

    Raises:
        DataError: names the row of a missing text, an unknown intent or a text with two intents.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}
    for where, record in json_records(path):
        text = _text(record, where)
        if not labelled:
            rows.append({"text": text})
            continue
        intent = record.get("intent")
        if intent not in INTENTS:
            raise DataError(f"{where}: intent {intent!r} is unknown; use one of {', '.join(INTENTS)}")
        key = " ".join(text.casefold().split())
        if key in seen:
            first_where, first_intent = seen[key]
            same = "the same text" if first_intent == intent else f"the same text as {first_intent!r}"
            raise DataError(f"{where}: {first_where} has {same}; keep one of the two")
        seen[key] = (where, intent)
        rows.append({"text": text, "intent": intent})
    return pd.DataFrame(rows)


def read_ner(path: Path, labelled: bool = True) -> pd.DataFrame:
    """Columns text, entities (list of {"text", "label", "start", "end"}, offsets in characters, end exclusive).

    Takes JSON lines or a JSON list of {"text", "entities"}, spaCy's training tuples
    ``[text, {"entities": [[start, end, label]]}]``, and spaCy's binary ``.spacy``; text alone where not labelled.

    Raises:
        DataError: names the row of a span that is unknown, out of the text, overlapping or not what it says.
    """
    records = _spacy_records(path) if path.suffix == ".spacy" else json_records(path)
    rows: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}
    for where, record in records:
        text = _text(record, where)
        if not labelled:
            rows.append({"text": text})
            continue
        if text in seen:
            raise DataError(f"{where}: {seen[text]} has the same text; keep one of the two")
        seen[text] = where
        entities = record.get("entities")
        if not isinstance(entities, list):
            raise DataError(f'{where}: "entities" must be a list (empty where the text has none)')
        spans = sorted((_entity(text, entity, where) for entity in entities), key=lambda span: span["start"])
        for left, right in zip(spans, spans[1:], strict=False):
            if right["start"] < left["end"]:
                raise DataError(f"{where}: {left['text']!r} and {right['text']!r} overlap; keep the longer one")
        rows.append({"text": text, "entities": spans})
    return pd.DataFrame(rows)


def json_records(path: Path) -> Iterator[tuple[str, dict]]:
    """(where, record) of each line of JSON lines, or of each element of a JSON list."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    if content.lstrip().startswith("["):
        try:
            yield from ((f"{path.name} item {i}", _record(item)) for i, item in enumerate(json.loads(content), 1))
            return
        except json.JSONDecodeError as error:
            raise DataError(f"{path.name} line {error.lineno}: not JSON ({error.msg})") from None
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, a list in a list in a list …
            raise DataError(f"{path.name}: JSON that cannot be read ({error})") from None
    empty = True
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        empty = False
        try:
            yield f"{path.name} line {number}", _record(json.loads(line))
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path.name} line {number}: not JSON ({error.msg}); write one object a line, or one JSON list"
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name} line {number}: JSON that cannot be read ({error})") from None
    if empty:
        raise DataError(f"{path.name}: no rows; write one JSON object a line")


def _record(item: Any) -> dict[str, Any]:
    """A JSON element as a dict; spaCy's [text, {"entities": …}] becomes {"text", "entities"}."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict):
        return {"text": item[0], **item[1]}
    return item if isinstance(item, dict) else {}


def _text(record: dict[str, Any], where: str) -> str:
    text = record.get("text", record.get("query"))  # the guide's lists use both names
    if not isinstance(text, str) or not text.strip():
        raise DataError(f'{where}: "text" is missing or empty; found the fields {", ".join(record) or "none"}')
    if len(text) > MAX_CHARACTERS:
        raise DataError(f"{where}: the text has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    return text


def _entity(text: str, entity: Any, where: str) -> dict[str, Any]:
    if isinstance(entity, list) and len(entity) == 3:
        entity = dict(zip(("start", "end", "label"), entity, strict=True))
    if not isinstance(entity, dict):
        raise DataError(f"{where}: an entity is {entity!r}; write text, label, start and end")
    label, start, end = entity.get("label"), entity.get("start"), entity.get("end")
    if label not in ENTITY_LABELS:
        raise DataError(f"{where}: label {label!r} is unknown; use one of {', '.join(ENTITY_LABELS)}")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise DataError(f"{where}: {label} from {start!r} to {end!r} is not inside the text of {len(text)} characters")
    span = text[start:end]
    if entity.get("text", span) != span:
        raise DataError(
            f"{where}: {start}-{end} reads {span!r}, not {entity['text']!r}; offsets count characters, end is exclusive"
        )
    if span != span.strip():
        raise DataError(f"{where}: {label} {span!r} begins or ends with a space; move the offsets in")
    return {"text": span, "label": label, "start": start, "end": end}


def _spacy_records(path: Path) -> Iterator[tuple[str, dict]]:
    import spacy  # a heavy import, needed for this one format only
    from spacy.tokens import DocBin

    try:
        docs = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    except Exception as error:  # noqa: BLE001  msgpack and zlib raise many kinds
        raise DataError(f"{path.name}: not a spaCy DocBin ({error})") from None
    for number, doc in enumerate(docs, 1):
        spans = [[span.start_char, span.end_char, span.label_] for span in doc.ents]
        yield f"{path.name} document {number}", {"text": doc.text, "entities": spans}
