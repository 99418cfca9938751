import hashlib
from pathlib import Path

import pytest

import components as do
from nivesh import models
from nivesh.errors import DataError


def test_a_file_is_copied_unchanged_with_its_digest(artifact, loans):
    raw = artifact("raw")
    do.ingest.python_func("credit_risk", str(loans), raw)
    (copy,) = Path(raw.path).glob("*.csv")
    assert copy.read_bytes() == loans.read_bytes()
    assert raw.metadata["data_source"] == str(loans)
    assert raw.metadata["data_sha256"] == hashlib.sha256(loans.read_bytes()).hexdigest()


@pytest.mark.parametrize("key", models.keys())
def test_without_a_file_it_is_the_shipped_sample_which_passes_the_checks(artifact, key):
    raw, rows = artifact(f"raw-{key}"), artifact(f"rows-{key}")
    do.ingest.python_func(key, "", raw)
    assert raw.metadata["data_source"].startswith("sample ")
    do.validate.python_func(key, raw, rows)
    assert rows.metadata["rows"] > 0


def test_a_missing_file_is_named(artifact, tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv: there is no such file"):
        do.ingest.python_func("credit_risk", str(tmp_path / "nothing.csv"), artifact("raw"))
