"""Bundles as MLflow models: ``mlflow.pyfunc.load_model("models:/credit_risk@champion").predict(rows)``.

An MLflow model is a folder with MLmodel (flavor, signature, environment), an input example, and the bundle under DATA.
``predict`` takes rows of the model's dataset, labels not needed, and returns what ``nivesh predict`` writes.
"""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh import data, models
from nivesh.registry import loaded_model

DATA = "data/bundle"  # MLflow copies the bundle there
EXAMPLE_ROWS = 3


class PyfuncModel:
    """What MLflow wraps: a loaded bundle with ``predict``."""

    def __init__(self, folder: Path):
        self._loaded = loaded_model.load(folder)

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Rows of the model's dataset -> the same rows with the predictions as further columns.

        Raises:
            DataError: a row breaks a rule of the dataset.
        """
        _, model, fitted = self._loaded
        return model.predict_frame(fitted, model.build_features(_checked(model.spec.dataset, rows)))


def _load_pyfunc(path: str) -> PyfuncModel:
    """Called by MLflow, with the path of the bundle."""
    return PyfuncModel(Path(path))


def save(bundle_folder: Path, folder: Path) -> None:
    """Write a bundle as an MLflow model: MLmodel, requirements, signature and input example beside the bundle.

    The example's rows are those of the shipped sample, never a user's.
    """
    import mlflow.pyfunc
    from mlflow.models.signature import ModelSignature, infer_signature
    from mlflow.types.schema import ColSpec, Schema

    key = loaded_model.bundle.verify(bundle_folder).key
    dataset = data.DATASETS[models.get(key).spec.dataset]
    example = data.read(dataset.kind).head(EXAMPLE_ROWS).drop(columns=list(dataset.labels), errors="ignore")
    inferred = infer_signature(example).inputs.to_dict()
    columns = [ColSpec.from_json_dict(**column | {"required": False}) for column in inferred]
    with tempfile.TemporaryDirectory() as links:
        named = Path(links) / Path(DATA).name  # MLflow keeps the folder's name
        named.symlink_to(bundle_folder.resolve())
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=__name__,
            data_path=str(named),
            signature=ModelSignature(inputs=Schema(columns)),
            input_example=example,
            pip_requirements=["nivesh"],
        )


def _checked(kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as the dataset's own reader returns them from a file."""
    with tempfile.TemporaryDirectory() as folder:
        if data.DATASETS[kind].is_table:
            path = Path(folder) / "rows.parquet"
            rows.to_parquet(path, index=False)
        else:
            path = Path(folder) / "rows.jsonl"
            rows.to_json(path, orient="records", lines=True, force_ascii=False)
        return data.read(kind, path, labelled=False)
