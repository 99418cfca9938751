"""The compiled pipelines are kept, so that a change of what a cluster would run is seen in review."""

from pathlib import Path

import pytest
import yaml

import pipelines
from nivesh import models

GOLDEN = Path(__file__).parent / "golden"
KEYS = models.keys()


@pytest.mark.parametrize("key", KEYS)
def test_compiled_yaml_is_the_golden_one(key, tmp_path):
    golden = GOLDEN / f"{key}.yaml"
    assert golden.is_file(), "write it: make golden"
    compiled = pipelines.compile_to(key, tmp_path / "pipeline.yaml").read_text()
    assert compiled == golden.read_text(), "the pipeline changed; if it was meant to: make golden"


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_steps_are_those_of_the_readme(key):
    compiled = yaml.safe_load((GOLDEN / f"{key}.yaml").read_text().split("---")[0])
    tasks = set(compiled["root"]["dag"]["tasks"])
    assert {"ingest", "validate", "split", "train", "evaluate", "gate"} <= tasks
    released = set(compiled["components"]["comp-condition-1"]["dag"]["tasks"])
    assert released == {"register", "package", "promote"}, "what is released stands behind the gate"


@pytest.mark.parametrize("key", KEYS)
def test_nothing_of_this_machine_is_in_the_yaml(key, monkeypatch, tmp_path):
    monkeypatch.setenv("NIVESH_HOME", "/somewhere/else")
    monkeypatch.setenv("NIVESH_TRACKING_URI", "https://mlflow.example")
    assert pipelines.compile_to(key, tmp_path / "p.yaml").read_text() == (GOLDEN / f"{key}.yaml").read_text()
