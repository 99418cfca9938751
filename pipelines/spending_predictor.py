from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "spending_predictor"


@dsl.pipeline(name="train-spending-predictor", description="From transactions to served forecasts of spending.")
def train_spending_predictor(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From transactions to served forecasts of spending.

    1. Ingest and validate the transactions.
    2. Build monthly features, hold the last months out.
    3. Train: Prophet for each user and segment, by category.
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
