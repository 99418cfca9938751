"""The file's rows are checked with the run's dialect, which is kept with them."""

from pathlib import Path

import pytest

import components as do
from nivesh import data
from nivesh.errors import DataError

STATEMENT = (
    'Date,Narration,Category,Withdrawal,Deposit\n02/04/2025,SALARY,salary,,"1,25,000"\n01/04/2025,DMART,food,500,\n'
)
DIALECT = """
columns: {timestamp: Date, merchant: Narration}
constants: {user_id: me}
row_ids: true
date_format: "%d/%m/%Y"
"""


@pytest.fixture
def raw(artifact):
    made = artifact("raw", data_sha256="abc")
    Path(made.path).mkdir()
    (Path(made.path) / "bank.csv").write_text(STATEMENT)
    return made


def test_a_statement_is_read_with_the_dialect_of_the_run(artifact, raw):
    rows = artifact("rows")
    do.validate.python_func("anomaly_detector", raw, rows, DIALECT)
    read = data.read_parquet(rows.path)
    assert read["merchant"].tolist() == ["DMART", "SALARY"]  # by time
    assert read["amount"].tolist() == [500, 125000]
    assert rows.metadata == {"data_sha256": "abc", "rows": 2, "dialect": DIALECT, "notes": ""}


def test_without_its_dialect_it_is_refused_and_nothing_is_written(artifact, raw):
    rows = artifact("rows")
    with pytest.raises(DataError, match="--dialect"):
        do.validate.python_func("anomaly_detector", raw, rows)
    assert not Path(rows.path).exists()


def test_words_of_its_own_are_a_note_of_the_rows(artifact, tmp_path, capsys):
    made, rows = artifact("raw"), artifact("rows")
    Path(made.path).mkdir()
    loans = data.read("loans").head(3).assign(employment_type=["gig_worker", "gig_worker", "salaried"])
    loans.to_csv(Path(made.path) / "loans.csv", index=False)
    do.validate.python_func("credit_risk", made, rows)
    note = "employment_type: words of its own, kept as categories: gig_worker (2 rows)"
    assert rows.metadata["notes"] == note
    assert f"note: loans.csv: {note}" in capsys.readouterr().out
