from kfp import dsl

from pipelines.stages import prepare, release, train

KEY = "intent_classifier"


@dsl.pipeline(name="train-intent-classifier", description="From labelled texts to a served intent classifier.")
def train_intent_classifier(data_path: str = "", seed: int = 0, params: dict = {}, canary: int = 10):  # noqa: B006  KFP copies it into the YAML
    """From labelled texts to a served intent classifier.

    1. Ingest and validate the texts.
    2. Hold texts out, near-duplicates on one side.
    3. Train: fine-tune the MiniLM encoder, export it to ONNX.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and deploy.

    Args:
        data_path: A file of intents; local or s3://…; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
        canary: Percent of a cluster's requests that the new version gets, until it is promoted.
    """
    parts = prepare(KEY, data_path, seed)
    model = train(KEY, parts, params)
    release(KEY, model, parts, canary)
