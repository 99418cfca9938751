from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "financial_ner"


@dsl.pipeline(name="train-financial-ner", description="From annotated texts to a served entity recogniser.")
def train_financial_ner(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From annotated texts to a served entity recogniser.

    1. Ingest and validate the texts and their spans.
    2. Hold texts out, near-duplicates on one side.
    3. Train: a spaCy pipeline.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of entities; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed)
    model = train(KEY, parts, params)
    release(KEY, model, parts, canary)
