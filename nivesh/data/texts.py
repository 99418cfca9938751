"""Labelled texts: intents and entities, in JSON lines, the guide's JSON lists and spaCy's formats."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from nivesh.data.datasets import Rows
from nivesh.data.dialect import DEFAULT, Dialect
from nivesh.data.source import decode
from nivesh.errors import DataError

OUT_OF_SCOPE = "out_of_scope"  # the intent of texts that have none of the others
MAX_CHARACTERS = 2_000
MAX_LABEL = 64  # characters


def read_intents(content: bytes, name: str, labelled: bool, dialect: Dialect = DEFAULT) -> Rows:
    """Columns text, intent, from JSON lines, a JSON list of {"text", "intent"} or a table; text alone where not labelled.

    The intents are those of the file; texts that have none of them have the intent "out_of_scope". Where a row names its
    ``voice`` (who writes like that), the frame has that column too. A table whose columns have other names needs a dialect.

    Raises:
        DataError: names the row of a missing text or intent, or of a text with two intents.
    """
    begin = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    is_json = begin in (b"", b"{", b"[") or name.casefold().endswith((".json", ".jsonl"))
    records = list(json_records(content, name) if is_json else _table_records(content, name, labelled, dialect))
    rows: list[dict[str, Any]] = []
    seen: dict[str, tuple[str, str]] = {}
    for where, record in records:
        text = _text(record, where)
        if not labelled:
            rows.append({"text": text})
            continue
        intent = _label(record.get("intent"), where, "intent")
        key = " ".join(text.casefold().split())
        if key in seen:
            first_where, first_intent = seen[key]
            same = "the same text" if first_intent == intent else f"the same text as {first_intent!r}"
            raise DataError(f"{where}: {first_where} has {same}; keep one of the two")
        seen[key] = (where, intent)
        rows.append({"text": text, "intent": intent, "voice": record.get("voice")})
    return Rows(_without_empty(rows), lambda: source_frame(records))


def _table_records(content: bytes, name: str, labelled: bool, dialect: Dialect) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, record) of each row of a CSV, Excel or Parquet file, by the project's names of columns."""
    from nivesh.data.source import read_table
    from nivesh.data.tables import INTENTS, Table  # pandera, which serving images do not have

    table = Table(read_table(content, name, dialect, tuple(INTENTS.columns)), dialect, INTENTS)
    table.require({"text", "intent"} if labelled else {"text"}, {})
    columns = {column: table.column(column) for column in INTENTS.columns if column in table}
    for i, row in enumerate(table.source.frame.index):
        yield f"{name} row {row}", {column: values.iloc[i] for column, values in columns.items()}


def _label(value: Any, where: str, field: str) -> str:
    """A label as it is written in the file, without spaces around it.

    Raises:
        DataError: there is none, or it is too long for a name.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_LABEL:
        raise DataError(
            f"{where}: {field} {value!r} is no name of 1 to {MAX_LABEL} characters; write the {field}'s name"
        )
    return value.strip()


def read_ner(content: bytes, name: str, labelled: bool, dialect: Dialect = DEFAULT) -> Rows:
    """Columns text, entities (list of {"text", "label", "start", "end"}, offsets in characters, end exclusive).

    Takes JSON lines or a JSON list of {"text", "entities"}, spaCy's training tuples
    ``[text, {"entities": [[start, end, label]]}]``, and spaCy's binary ``.spacy``; text alone where not labelled.

    Raises:
        DataError: names the row of a span without label, out of the text, overlapping or not what it says.
    """
    is_docbin = name.casefold().endswith(".spacy")
    records = list(_spacy_records(content, name) if is_docbin else json_records(content, name))
    rows: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}
    cut: list[str] = []
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
        cut += [where for span in spans if _cuts_a_word(text, span)]
        rows.append({"text": text, "entities": spans, "voice": record.get("voice")})
    notes = [f"{len(cut)} entities begin or end inside a word, first in {cut[0]}; check their offsets"] if cut else []
    return Rows(_without_empty(rows), lambda: source_frame(records), notes)


def _without_empty(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a frame, without the columns that no row has."""
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def source_frame(records: Sequence[tuple[str, dict[str, Any]]]) -> pd.DataFrame:
    """The records as they are in the file, one column per field; None where a record lacks it."""
    names = list(dict.fromkeys(name for _, record in records for name in record))
    data = {name: pd.Series([record.get(name) for _, record in records], dtype=object) for name in names}
    return pd.DataFrame(data, columns=names)


def json_records(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, record) of each line of JSON lines, or of each element of a JSON list.

    Raises:
        DataError: the text is not UTF-8 (or UTF-16 with a byte order mark), not JSON, or without rows.
    """
    text = decode(content, name)
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{name} line {error.lineno}: not JSON ({error.msg})") from None
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, a list in a list in a list …
            raise DataError(f"{name}: JSON that cannot be read ({error})") from None
        if not items:
            raise DataError(f"{name}: the list has no rows")
        yield from ((f"{name} item {i}", _record(item)) for i, item in enumerate(items, 1))
        return
    empty = True
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        empty = False
        try:
            yield f"{name} line {number}", _record(json.loads(line))
        except json.JSONDecodeError as error:
            raise DataError(
                f"{name} line {number}: not JSON ({error.msg}); write one object a line, or one JSON list"
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name} line {number}: JSON that cannot be read ({error})") from None
    if empty:
        raise DataError(f"{name}: no rows; write one JSON object a line")


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
    label, start, end = _label(entity.get("label"), where, "label"), entity.get("start"), entity.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise DataError(f"{where}: {label} from {start!r} to {end!r} is not inside the text of {len(text)} characters")
    span = text[start:end]
    utf16 = _utf16_slice(text, start, end)
    if entity.get("text", span) != span:
        units = "UTF-16 units" if utf16 == entity["text"] else ""
        hint = f"; the offsets look like {units}" if units else ""
        raise DataError(
            f"{where}: {start}-{end} reads {span!r}, not {entity['text']!r}{hint}; offsets count characters (Unicode "
            "code points), end is exclusive"
        )
    if "text" not in entity and utf16 not in (None, span) and _cuts_a_word(text, {"start": start, "end": end}):
        raise DataError(
            f"{where}: {label} from {start} to {end} cuts a word ({span!r}); the offsets look like UTF-16 units "
            f"({utf16!r}): count characters (Unicode code points)"
        )
    if span != span.strip():
        raise DataError(f"{where}: {label} {span!r} begins or ends with a space; move the offsets in")
    return {"text": span, "label": label, "start": start, "end": end}


def _utf16_slice(text: str, start: int, end: int) -> str | None:
    """The span if the offsets counted UTF-16 units, as JavaScript and Java do; None where they cut a character."""
    try:
        return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")
    except UnicodeError:
        return None


def _cuts_a_word(text: str, span: dict[str, Any]) -> bool:
    """Whether a span begins or ends between two letters or two digits."""

    def inside(place: int) -> bool:
        left, right = text[place - 1 : place], text[place : place + 1]
        return (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())

    return inside(span["start"]) or inside(span["end"])


def _spacy_records(content: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import spacy  # a heavy import, needed for this one format only
    from spacy.tokens import DocBin

    try:
        docs = list(DocBin().from_bytes(content).get_docs(spacy.blank("en").vocab))
    except Exception as error:  # noqa: BLE001  msgpack and zlib raise many kinds
        raise DataError(f"{name}: not a spaCy DocBin ({error})") from None
    for number, doc in enumerate(docs, 1):
        spans = [[span.start_char, span.end_char, span.label_] for span in doc.ents]
        yield f"{name} document {number}", {"text": doc.text, "entities": spans}
