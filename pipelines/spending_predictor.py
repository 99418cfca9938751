from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "spending_predictor"


@dsl.pipeline(name="train-spending-predictor", description="From transactions to served forecasts of spending.")
def train_spending_predictor(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From transactions to served forecasts of spending.

    1. Ingest and validate the transactions.
    2. Build monthly features, hold the last months out.
    3. Train: Prophet for each user and segment, by category.
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
