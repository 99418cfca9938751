from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "credit_risk"


@dsl.pipeline(name="train-credit-risk", description="From loan applications to a served credit-risk score.")
def train_credit_risk(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From loan applications to a served credit-risk score.

    1. Ingest and validate the applications.
    2. Build the features of each application, hold users out.
    3. Train: XGBoost, calibrated, monotone where it must be.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of loan applications; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed, features=True)
    model = train(KEY, parts, params)
    release(KEY, model, parts, canary)
