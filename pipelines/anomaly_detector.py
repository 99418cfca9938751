from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "anomaly_detector"


@dsl.pipeline(name="train-anomaly-detector", description="From transactions to a served anomaly detector.")
def train_anomaly_detector(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From transactions to a served anomaly detector.

    1. Ingest and validate the transactions.
    2. Build each transaction's features from its user's past, hold users out.
    3. Train: an Isolation Forest and its threshold.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and promote.

    Args:
        data_path: A file of transactions; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
    """
    rows = prepare(KEY, data_path, features=True)
    parts = do.split(key=KEY, rows=rows.output, seed=seed).set_display_name("Split")
    model = do.train(key=KEY, learn=parts.outputs["learn"], params=params).set_display_name("Train")
    release(KEY, model, parts)
