from kfp import dsl

from pipelines.stages import loop, prepare, release, train_by_segment

KEY = "spending_predictor"
SEGMENTS = loop(KEY)


@dsl.pipeline(name="train-spending-predictor", description="From transactions to served forecasts of spending.")
def train_spending_predictor(
    data_path: str = "",
    seed: int = 0,
    params: dict = {},  # noqa: B006  KFP copies it into the YAML
    parallel: int = 2,
    canary: int = 10,
):
    """From transactions to served forecasts of spending.

    1. Ingest and validate the transactions.
    2. Build monthly features, hold the last months out.
    3. Learn seasons and segments from all users, then fit each segment's users for themselves, and join.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of transactions; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        parallel: Segments of users that are fitted at the same time.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed, features=True)
    model = train_by_segment(KEY, SEGMENTS, parts, params, parallel)
    release(KEY, model, parts, canary)
