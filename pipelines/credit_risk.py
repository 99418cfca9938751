from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "credit_risk"


@dsl.pipeline(name="train-credit-risk", description="From loan applications to a served credit-risk score.")
def train_credit_risk(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From loan applications to a served credit-risk score.

    1. Ingest and validate the applications.
    2. Build the features of each application, hold users out.
    3. Train: XGBoost, calibrated, monotone where it must be.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and promote.

    Args:
        data_path: A file of loan applications; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
    """
    rows = prepare(KEY, data_path, features=True)
    parts = do.split(key=KEY, rows=rows.output, seed=seed).set_display_name("Split")
    model = do.train(key=KEY, learn=parts.outputs["learn"], params=params).set_display_name("Train")
    release(KEY, model, parts)
