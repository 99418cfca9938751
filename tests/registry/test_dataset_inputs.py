import json

import mlflow
import pandas as pd
import pytest

from nivesh import data
from nivesh.registry import experiments, tracking
from nivesh.registry.dataset_inputs import log_datasets

pytestmark = pytest.mark.usefixtures("home")
ROWS = pd.DataFrame({"text": ["a"], "entities": [[{"label": "MONEY", "start": 0, "end": 1}]]})


@pytest.fixture
def run_id():
    return experiments.client().create_run(experiments.create_experiment("toy")).info.run_id


def inputs(run_id):
    """(context, dataset) of each input, by context."""
    found = experiments.client().get_run(run_id).inputs.dataset_inputs
    return {one.tags[0].value: one.dataset for one in found}


def test_the_files_of_a_training_are_inputs_of_its_run_once(run_id):
    facts = {
        "data_source": "s3://data/loans.csv", "data_sha256": "ab" * 32, "rows": 7,
        "transactions_source": "/data/payments.parquet", "transactions_sha256": "cd" * 32,
    }  # fmt: skip
    for _ in range(2):  # the step is tried again
        log_datasets([run_id], "loans", facts, ROWS)
    found = inputs(run_id)
    assert len(experiments.client().get_run(run_id).inputs.dataset_inputs) == 2
    assert (found["training"].name, found["training"].digest) == ("loans.csv", "ab" * 18)
    assert json.loads(found["training"].profile) == {"num_rows": 7}
    assert [column["name"] for column in json.loads(found["training"].schema)["mlflow_colspec"]] == ["text", "entities"]
    assert mlflow.data.get_source(found["training"]).uri == "s3://data/loans.csv"
    assert mlflow.data.get_source(found["features"]).to_dict() == {"uri": "/data/payments.parquet"}


def test_the_shipped_sample_is_found_where_it_lies(run_id):
    log_datasets([run_id], "ner", {"data_source": "sample ner.jsonl", "data_sha256": "ab" * 32, "rows": 1}, ROWS)
    source = mlflow.data.get_source(inputs(run_id)["training"])
    assert source.load() == str(data.sample("ner").resolve())


def test_runs_have_names_of_their_own(monkeypatch):
    assert tracking.run_name("toy", "toy-20250101-093000-000") == "train-toy-20250101-093000-000"
    assert tracking.run_name("credit_risk", "3f2a9c11-0d5e-4b7b") == "train-credit-risk-3f2a9c11"
    names = set()
    for run in ("3f2a9c11-0d5e", "7e01aa02-0d5e"):
        monkeypatch.setenv(tracking.RUN_ID, run)
        names.add(experiments.client().get_run(tracking.parent_run("toy")).info.run_name)
    assert names == {"train-toy-3f2a9c11", "train-toy-7e01aa02"}
