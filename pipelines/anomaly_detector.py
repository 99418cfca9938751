from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "anomaly_detector"


@dsl.pipeline(name="train-anomaly-detector", description="From transactions to a served anomaly detector.")
def train_anomaly_detector(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From transactions to a served anomaly detector.

    1. Ingest and validate the transactions.
    2. Build each transaction's features from its user's past, hold users out.
    3. Train: an Isolation Forest and its threshold.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of transactions; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed, features=True)
    model = train(KEY, parts, params)
    release(KEY, model, parts, canary)
