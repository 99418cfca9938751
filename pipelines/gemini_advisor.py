from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "gemini_advisor"


@dsl.pipeline(name="train-gemini-advisor", description="From examples of advice to a served, guarded Gemini.")
def train_gemini_advisor(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From examples of advice to a served, guarded Gemini.

    1. Ingest and validate the examples; personal data end the run.
    2. Hold examples out, near-duplicates on one side.
    3. Train: upload, tune on Vertex AI (or find the job that does), wait for the endpoint.
    4. Evaluate the challenger and the champion, each beside its base model, on the held-out questions.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of advice; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed)
    model = train(KEY, parts, params)
    release(KEY, model, parts, canary)
