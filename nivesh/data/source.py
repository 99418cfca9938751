"""A table's file as it is: CSV in its many forms, Excel, Parquet; what it is shows in its bytes, not in its name."""

import bz2
import csv
import gzip
import io
import itertools
import lzma
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.data.dialect import Dialect, compact, propose
from nivesh.errors import DataError

COMPRESSIONS = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
# The longest first: a UTF-32 mark begins like a UTF-16 one.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
DELIMITERS = ",;\t|"
PREAMBLE = 40  # rows in which a header is looked for, to propose header_row


@dataclass(frozen=True)
class Source:
    """The rows of a file.

    Attributes:
        name: of the file, for messages.
        frame: its columns by their own names, as they are in the file (texts of a CSV are not touched). The index is
            the row's number as a spreadsheet shows it: the header is row 1.
        delimiter: of a text file, else "".
    """

    name: str
    frame: pd.DataFrame
    delimiter: str = ""


def read_bytes(path: Path, rows_of: str) -> bytes:
    """The content of a file or pipe.

    Raises:
        DataError: there is none, or it is a folder, or empty.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give a file with rows of {rows_of}") from None
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist; give a file with rows of {rows_of}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if not content:
        raise DataError(f"{path}: the file is empty; give a file with rows of {rows_of}")
    return content


def read_table(content: bytes, name: str, dialect: Dialect, known: Collection[str]) -> Source:
    """A table from the content of its file.

    Args:
        content: CSV (any usual delimiter), an Excel workbook or Parquet; also gzip, bzip2 and xz of them.
        name: of the file, for messages.
        dialect: what the file does differently.
        known: names of columns of which some must be in the header, to find a header further down.

    Raises:
        DataError: names the row that cannot be read, and the dialect line that would fix it.
    """
    for magic, decompress in COMPRESSIONS.items():
        if content.startswith(magic):
            try:
                content = decompress(content)
            except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
                raise DataError(f"{name}: cannot be decompressed ({error})") from None
    if content.startswith(b"PAR1"):
        return Source(name, _parquet(content, name))
    if content.startswith(b"PK\x03\x04"):
        return Source(name, _table(_workbook_rows(content, name, dialect), name, dialect, known))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise DataError(f"{name}: an old or encrypted Excel workbook; save it as .xlsx without a password")
    text = decode(content, name, dialect)
    if text.lstrip()[:1] == "{" or text.lstrip()[:2] == "[{":
        raise DataError(f"{name}: JSON is not a table; give CSV, an .xlsx workbook or Parquet")
    delimiter = dialect.delimiter or _delimiter(text, dialect)
    return Source(name, _table(_text_rows(text, name, delimiter), name, dialect, known), delimiter)


def decode(content: bytes, name: str, dialect: Dialect | None = None) -> str:
    """The text of a file: in the dialect's encoding, by its byte order mark, or else UTF-8.

    Raises:
        DataError: names the row of the first byte that is in none of them.
    """
    mark = next((codec for mark, codec in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "")
    try:
        return content.decode((dialect and dialect.encoding) or mark or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        hint = f", or {propose('encoding: cp1252 (or the one it was saved in)')}" if dialect else ""
        raise DataError(
            f"{name} row {row}: byte {error.start} is not {error.encoding.upper()}; save the file as UTF-8{hint}"
        ) from None


def _parquet(content: bytes, name: str) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # noqa: BLE001  pyarrow raises many kinds
        raise DataError(f"{name}: cannot be read as a table ({error}); write the Parquet file again") from None
    if any(frame.index.names):
        frame = frame.reset_index()
    frame.columns = [str(column) for column in frame.columns]
    _check_header(list(frame.columns), name)
    if frame.empty:
        raise DataError(f"{name}: no rows under the header")
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame


Numbered = Iterator[tuple[int, Sequence[Any]]]  # (row of the file, its cells)


def _workbook_rows(content: bytes, name: str, dialect: Dialect) -> Numbered:
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001  zipfile, XML and openpyxl raise many kinds
        raise DataError(
            f"{name}: cannot be read as a table ({error}); give CSV, an .xlsx workbook or Parquet"
        ) from None
    sheets = {
        sheet.title: sheet
        for sheet in workbook.worksheets
        if any(cell is not None for row in sheet.iter_rows(max_row=PREAMBLE, values_only=True) for cell in row)
    }
    if dialect.sheet and dialect.sheet not in sheets:
        raise DataError(f"{name}: no rows in a sheet {dialect.sheet!r}; the sheets with rows are {', '.join(sheets)}")
    if len(sheets) > 1 and not dialect.sheet:
        first = propose(f"sheet: {next(iter(sheets))}")
        raise DataError(f"{name}: {len(sheets)} sheets have rows: {', '.join(sheets)}; {first}")
    if not sheets:
        raise DataError(f"{name}: no rows under the header")
    sheet = sheets[dialect.sheet] if dialect.sheet else next(iter(sheets.values()))
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        yield number, ["" if cell is None else cell for cell in row]


def _delimiter(text: str, dialect: Dialect) -> str:
    """The delimiter that divides the header into most columns."""
    lines = itertools.islice(
        io.StringIO(text[:65536], newline=None), dialect.header_row - 1, dialect.header_row + PREAMBLE
    )
    if text.startswith("sep=") and text[4:5] in DELIMITERS and text[5:6] in ("\r", "\n"):  # written by Excel
        return text[4]
    header = next((line for line in lines if line.strip()), "")
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _text_rows(text: str, name: str, delimiter: str) -> Numbered:
    """The records of a CSV. A quoted value may hold line breaks, but not what looks like a whole row."""
    if "\x00" in text:
        row = text[: text.index("\x00")].count("\n") + 1
        if text.count("\x00") > len(text) // 4:
            raise DataError(f"{name}: every other byte is NUL; {propose('encoding: utf-16-le')}")
        raise DataError(f"{name} row {row} (data row {row - 1}): holds a NUL byte; correct the value")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    if text.startswith("sep="):
        next(reader)
        start = 2
    while True:
        where = f"{name} row {start} (data row {start - 1})"
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{where}: a quotation mark is not closed or stands inside a value ({error})") from None
        if reader.line_num > start:  # the record runs over several lines
            for cell in record:
                if "\n" in cell and cell.count(delimiter) >= len(record) - 1:
                    raise DataError(
                        f"{where}: a quotation mark opens here and closes in row {reader.line_num}; remove it, or "
                        "close it in its own row"
                    )
        yield start, record
        start = reader.line_num + 1


def _table(rows: Numbered, name: str, dialect: Dialect, known: Collection[str]) -> pd.DataFrame:
    """Header and rows -> a frame; rows without any value are left out, columns without name and values too."""
    rows = itertools.dropwhile(lambda row: row[0] < dialect.header_row or not any(map(str, row[1])), rows)
    top = list(itertools.islice(rows, PREAMBLE))
    if not top:
        raise DataError(f"{name}: no rows under the header")
    first, header = top[0][0], [str(cell).strip() for cell in top[0][1]]
    _find_header(top, name, known)
    width = len(header)
    numbers: list[int] = []
    records: list[Sequence[Any]] = []
    for number, record in itertools.chain(top[1:], rows):
        if not record or (not str(record[0]).strip() and not any(str(cell).strip() for cell in record)):
            continue
        if len(record) != width:
            if len(record) < width or any(str(cell).strip() for cell in record[width:]):
                raise DataError(
                    f"{name} row {number} (data row {number - first}): {len(record)} fields, the header has {width}; "
                    "quote a value that holds the delimiter, and write one row a line"
                )
            record = record[:width]
        numbers.append(number)
        records.append(record)
    if not records:
        raise DataError(f"{name}: no rows under the header")
    frame = pd.DataFrame(records, columns=range(width), index=pd.Index(numbers), dtype=object)
    for place in [place for place, column in enumerate(header) if not column]:
        if any(str(cell).strip() for cell in frame[place]):
            raise DataError(f"{name}: column {place + 1} has values and no name; name it in row {first}")
        del frame[place]
    frame.columns = pd.Index([header[place] for place in frame])
    _check_header(list(frame), name)
    return frame


def _find_header(top: list[tuple[int, Sequence[Any]]], name: str, known: Collection[str]) -> None:
    """Refuse a table whose header stands further down, below a title.

    Raises:
        DataError: proposes the row.
    """
    keys = {compact(column) for column in known}
    found = [(len(keys & {compact(str(cell)) for cell in cells}), number) for number, cells in top]
    most, row = max(found, key=lambda pair: pair[0])
    if most >= 3 and found[0][0] < 2:
        raise DataError(f"{name}: row {top[0][0]} is no header, row {row} is; {propose(f'header_row: {row}')}")


def _check_header(names: list[str], name: str) -> None:
    """No two columns of the same name, compared without case, spaces and punctuation."""
    places: dict[str, int] = {}
    for place, column in enumerate(names, 1):
        key = compact(column) or column
        if key in places:
            raise DataError(
                f"{name}: the column name {column!r} stands twice (columns {places[key]} and {place}); rename one; "
                "two columns of amounts are named debit and credit"
            )
        places[key] = place
