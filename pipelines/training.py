"""The training pipeline, one graph for every model."""

from kfp import dsl

import components as do
from nivesh import models
from pipelines.step import deploys, step


def training_pipeline(key: str) -> dsl.base_component.BaseComponent:
    """The Kubeflow pipeline ``train-<key>`` that takes a model from a file to its InferenceService."""
    spec = models.get(key).spec

    @dsl.pipeline(name=f"train-{key.replace('_', '-')}", description=f"Train, evaluate and release: {spec.purpose}")
    def train(
        data_path: str = "",
        seed: int = 0,
        params: dict = {},  # noqa: B006  KFP copies it into the YAML
        canary: int = 10,
        dialect: str = "",
        accept_equal: bool = False,
        transactions: str = "",
        transactions_dialect: str = "",
        golden_path: str = "",
    ):
        """From a file to a served model.

        1. Ingest and validate the rows.
        2. Build features, where the model has features of its own; split the rows into train and test.
        3. Train.
        4. Evaluate the challenger and the champion on the test rows, with plots.
        5. Gate; if it passes: register, package and deploy.

        Args:
            data_path: A file of rows; local or s3://…; empty means the shipped sample.
            seed: Seed of the split.
            params: Training parameters that differ from the model's defaults.
            accept_equal: For a retraining on newer data: pass a model that is as good as the champion.
            canary: Percent of a cluster's requests that the new version gets, until it is promoted.
            dialect: How the file differs from the project's format, as YAML.
            transactions: For a model whose rows carry features of their users (credit_risk): a file of transactions, from
                which the features are made as the online store makes them.
            transactions_dialect: How that file differs from the project's format, as YAML.
            golden_path: A file of labelled rows that no model is trained on; on them too a challenger must be as good.
        """
        raw = step(do.ingest(key=key, data_path=data_path), key)
        rows = step(do.validate(key=key, raw=raw.output, dialect=dialect, golden_path=golden_path), key)
        checked = rows.output
        if spec.builds_features:
            past = {"transactions": transactions, "transactions_dialect": transactions_dialect}
            past = past if spec.features_from_transactions else {}
            checked = step(do.build_features(key=key, rows=checked, **past), key).outputs["features"]
        parts = step(do.split(key=key, rows=checked, seed=seed), key).outputs

        trained = step(do.train(key=key, rows=parts["train"], params=params), key, heavy=True).outputs["model"]
        evaluate = do.evaluate(
            key=key, model=trained, train=parts["train"], test=parts["test"], golden_path=golden_path
        )
        report = step(evaluate, key, heavy=True).outputs["report"]
        gate = step(do.gate(key=key, model=trained, report=report, accept_equal=accept_equal), key)
        with dsl.If(gate.outputs["Output"] == True, name="gate-passed"):  # noqa: E712  KFP builds its condition of ==
            verdict = gate.outputs["verdict"]
            version = step(do.register(key=key, model=trained, verdict=verdict), key).output
            package = do.package(key=key, version=version, model=trained, report=report, verdict=verdict)
            bundle = step(package, key)
            deploys(step(do.deploy(key=key, version=version, canary=canary), key)).after(bundle)

    return train
