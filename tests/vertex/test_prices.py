import json

import pytest

from nivesh.errors import SettingsError
from nivesh.vertex.prices import price


def test_the_table_that_ships_is_dated():
    one = price("gemini-2.5-flash")
    assert one.as_of >= "2025"
    assert one.of_tuning(1_000_000, 2) == 2 * one.tuning
    assert one.of_answer(1_000_000, 0) == one.input


def test_a_table_of_your_own(tmp_path, monkeypatch):
    table = {"as_of": "2027-01-01", "models": {"gemini-9": {"tuning": 1, "input": 2, "output": 3}}}
    (tmp_path / "prices.json").write_text(json.dumps(table))
    monkeypatch.setenv("NIVESH_PRICES", str(tmp_path / "prices.json"))
    assert price("gemini-9").of_answer(1_000_000, 1_000_000) == 5
    with pytest.raises(SettingsError, match="no price of 'gemini-2.5-flash', only of gemini-9"):
        price("gemini-2.5-flash")
    table["models"]["gemini-9"]["tuning"] = float("nan")  # would be below every --max-cost
    (tmp_path / "prices.json").write_text(json.dumps(table))
    with pytest.raises(SettingsError, match="prices of gemini-9"):
        price("gemini-9")
    (tmp_path / "prices.json").write_text("{}")
    with pytest.raises(SettingsError, match="no table of prices"):
        price("gemini-9")
