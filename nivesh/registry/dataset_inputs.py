"""The files that a training learned from, as MLflow's dataset inputs of its runs: name, digest, source and schema."""

import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from nivesh import data
from nivesh.registry.experiments import client

MAX_DIGEST = 36  # characters that MLflow keeps; the whole sha256 is a tag of the run
SCHEMA_ROWS = 1000  # from which the schema is inferred
SAMPLE = "sample "  # before the name of a shipped sample


def log_datasets(run_ids: Iterable[str], kind: str, facts: Mapping[str, Any], rows: pd.DataFrame) -> None:
    """Log the training file, and the file of transactions where features were made of one; twice is as once.

    Args:
        run_ids: of MLflow's runs.
        kind: of the dataset.
        facts: data_source, data_sha256 and rows of the training file; transactions_source and transactions_sha256.
        rows: some of the training rows, for the schema.
    """
    given = facts["data_source"]
    source = str(data.sample(kind).resolve()) if given.startswith(SAMPLE) else given
    inputs = [
        DatasetInput(
            Dataset(
                name=Path(source).name,
                digest=facts["data_sha256"][:MAX_DIGEST],
                source_type=_source_type(source),
                source=json.dumps({"uri": source}),
                schema=_schema(rows),
                profile=json.dumps({"num_rows": int(facts["rows"])}),
            ),
            [InputTag(MLFLOW_DATASET_CONTEXT, "training")],
        )
    ]
    if past := facts.get("transactions_source"):
        past_file = Dataset(
            name=Path(past).name,
            digest=facts["transactions_sha256"][:MAX_DIGEST],
            source_type=_source_type(past),
            source=json.dumps({"uri": past}),
        )
        inputs.append(DatasetInput(past_file, [InputTag(MLFLOW_DATASET_CONTEXT, "features")]))
    for run_id in run_ids:
        client().log_inputs(run_id, inputs)


def _source_type(source: str) -> str:
    return "s3" if source.startswith("s3://") else "local"


def _schema(rows: pd.DataFrame) -> str:
    """The columns and their types, as MLflow's page shows them."""
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that integer columns cannot be missing
        return json.dumps({"mlflow_colspec": infer_signature(rows.head(SCHEMA_ROWS)).inputs.to_dict()})
