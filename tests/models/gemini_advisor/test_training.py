"""The split, the tuning data, the price."""

import json

import pytest

from nivesh import data
from nivesh.errors import SettingsError
from nivesh.models.gemini_advisor.evaluation import declines
from nivesh.models.gemini_advisor.schema import MARK
from nivesh.models.gemini_advisor.training import conversations, fit, split


def test_near_duplicates_stay_on_one_side():
    rows = data.read("advice").head(60)
    twins = rows.assign(input=rows["input"] + " please?")
    both = type(rows)(list(rows.itertuples(index=False)) + list(twins.itertuples(index=False)))
    parts = split(both, 0)
    assert not set(parts.train["output"]) & set(parts.test["output"])
    assert 0.05 < len(parts.test) / len(both) < 0.25


def test_both_sides_of_the_split_have_refusals():
    parts = split(data.read("advice"), 0)
    assert declines(parts.test["output"]).any() and declines(parts.train["output"]).any()


def test_lines_for_vertex():
    rows = data.read("advice")
    lines = [json.loads(line) for line in conversations(rows).decode().splitlines()]
    assert len(lines) == len(rows)
    assert [turn["role"] for turn in lines[0]["contents"]] == ["user", "model"]
    marked = [line["contents"][1]["parts"][0]["text"].startswith(MARK) for line in lines]
    assert sum(marked) == declines(rows["output"]).sum() > 0


def test_a_job_that_costs_too_much_is_not_started(vertex):
    with pytest.raises(SettingsError, match=r"tuning would cost about \$.*max_cost"):
        fit(data.read("advice"), progress=lambda *_: None, max_cost=0.01)
    assert not vertex.calls and not vertex.storage.requests
