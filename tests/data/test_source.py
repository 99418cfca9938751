"""Files in many forms: the same rows, or a refusal that names the row; never fewer rows without a word."""

import bz2
import gzip
import lzma
import os
import threading

import pandas as pd
import pytest

from nivesh import data
from nivesh.data import dialect
from nivesh.errors import DataError
from tests.data.conftest import PAYMENT

HEADER = "transaction_id,user_id,timestamp,amount,direction,category,merchant,account,city"
ROWS = [f"t{i},u1,2025-03-{i:02}T10:00:00,{500 + i},debit,food,Café,acc1,Pune" for i in range(1, 11)]
TEXT = "\n".join([HEADER, *ROWS]) + "\n"


@pytest.fixture
def expected(file):
    return data.read("transactions", file(TEXT, "expected.csv"))


def changed(row: int, old: str, new: str) -> str:
    """The text with one of its rows (numbered from 1) changed."""
    rows = list(ROWS)
    assert old in rows[row - 1]
    rows[row - 1] = rows[row - 1].replace(old, new)
    return "\n".join([HEADER, *rows])


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "|").encode(),
        ("sep=;\n" + TEXT.replace(",", ";")).encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\n\n").encode(),
        TEXT.replace(",", " , ").encode(),
        TEXT.replace("\n", ",\n").encode(),
        TEXT.replace("Pune\n", "Pune,,\n").encode(),
        (TEXT + ",,,,,,,,\n").encode(),
        TEXT.replace("Café", '"Café"').encode(),
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
    ],
)
def test_every_usual_form_of_a_csv_gives_the_same_rows(file, expected, content):
    assert data.read("transactions", file(content)).equals(expected)


@pytest.mark.parametrize("name", ["rows.PARQUET", "rows.pq", "rows", "rows.XLSX", "rows.csv"])
def test_what_a_file_is_shows_in_its_bytes(tmp_path, expected, name):
    frame = pd.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    frame["amount"] = frame["amount"].astype(float)
    if "xlsx" in name.lower():
        frame.to_excel(tmp_path / "x.xlsx", index=False)
        os.rename(tmp_path / "x.xlsx", tmp_path / name)
    else:
        frame.to_parquet(tmp_path / name)
    assert data.read("transactions", tmp_path / name).equals(expected)


def test_a_workbook_keeps_dates_and_numbers(tmp_path, expected):
    frame = pd.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    frame["amount"], frame["timestamp"] = frame["amount"].astype(float), pd.to_datetime(frame["timestamp"])
    frame.to_excel(tmp_path / "rows.xlsx", index=False)
    assert data.read("transactions", tmp_path / "rows.xlsx").equals(expected)


def test_of_several_sheets_one_is_named(tmp_path, expected):
    frame = pd.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    with pd.ExcelWriter(tmp_path / "rows.xlsx") as writer:
        frame.to_excel(writer, sheet_name="April", index=False)
        frame.head(2).to_excel(writer, sheet_name="May", index=False)
    with pytest.raises(DataError, match="2 sheets have rows: April, May; write sheet: April"):
        data.read("transactions", tmp_path / "rows.xlsx")
    assert data.read("transactions", tmp_path / "rows.xlsx", dialect=dialect.parse("sheet: April")).equals(expected)
    with pytest.raises(DataError, match="no rows in a sheet 'June'"):
        data.read("transactions", tmp_path / "rows.xlsx", dialect=dialect.parse("sheet: June"))


def test_pipes_are_read(tmp_path, expected):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(TEXT))
    writer.start()
    assert data.read("transactions", pipe).equals(expected)
    writer.join()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(4, "Café", '"Café'), r"row 5 \(data row 4\): a quotation mark is not closed"),
        (
            changed(4, "Café", '"Café').replace("t8,u1", 't8",u1'),
            r"row 5 \(data row 4\): a quotation mark opens here and closes in row 9",
        ),
        (changed(4, "Café", '"Café" Noir'), r"row 5 \(data row 4\): a quotation mark"),
        (changed(7, "Café", "Café, Noir"), r"row 8 \(data row 7\): 10 fields, the header has 9"),
        (changed(7, ",Pune", ""), r"row 8 \(data row 7\): 8 fields, the header has 9"),
        (changed(2, "Café", "Ca\x00fe"), r"row 3 \(data row 2\): holds a NUL byte"),
        (TEXT.encode("cp1252"), r"row 2: byte \d+ is not UTF-8; .*encoding: cp1252"),
        (TEXT.replace("é", "e").encode("utf-16-le"), "every other byte is NUL; write encoding: utf-16-le"),
        (TEXT.replace("category", "AMOUNT"), r"'AMOUNT' stands twice \(columns 4 and 6\)"),
        (TEXT.replace("Pune\n", "Pune,x\n").replace("city\n", "city,\n"), "column 10 has values and no name"),
        (HEADER + "\n", "no rows under the header"),
        (HEADER + "\n,,,,,,,,\n", "no rows under the header"),
        ("[]", "no rows under the header"),
        ('{"transaction_id": 1}', "JSON is not a table; give CSV"),
        (' [{"transaction_id": 1}]', "JSON is not a table; give CSV"),
        (b"PAR1 not really", "cannot be read as a table"),
        (b"PK\x03\x04 not really", "cannot be read as a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or encrypted Excel"),
        (b"\x1f\x8b not really", "cannot be decompressed"),
        (b"", "the file is empty"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(file, content, message):
    with pytest.raises(DataError, match=message):
        data.read("transactions", file(content))


def test_a_quoted_value_may_hold_a_line_break_and_delimiters(file):
    read = data.read("transactions", file(changed(4, "Café", '"12, MG Road\nnear ""Café"""')))
    assert len(read) == 10 and read["merchant"][3] == '12, MG Road\nnear "Café"'


def test_encoding_and_delimiter_are_declared(file):
    path = file(TEXT.replace("Café", "Caf€").replace(",", "^").encode("cp1252"))
    read = data.read("transactions", path, dialect=dialect.parse('{encoding: cp1252, delimiter: "^"}'))
    assert read["merchant"][0] == "Caf€"


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder; give a file with rows of transactions"):
        data.read("transactions", tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        data.read("transactions", tmp_path / "absent.csv")


def test_the_files_own_columns_and_order_are_kept(table):
    later = {"Ref": "007", **PAYMENT, "transaction_id": "T9", "timestamp": "2025-04-30"}
    rows = data.DATASETS["transactions"].read_rows(table(later, {"Ref": "008", **PAYMENT}))
    assert rows.source.columns.tolist() == list(later)
    assert rows.source["Ref"].tolist() == ["007", "008"]
    assert rows.source["amount"].tolist() == [450.0, 450.0]
    assert rows.checked["transaction_id"].tolist() == ["T9", "T1"]
