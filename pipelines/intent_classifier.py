from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "intent_classifier"


@dsl.pipeline(name="train-intent-classifier", description="From labelled texts to a served intent classifier.")
def train_intent_classifier(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From labelled texts to a served intent classifier.

    1. Ingest and validate the texts.
    2. Hold texts out, near-duplicates on one side.
    3. Train: fine-tune the MiniLM encoder, export it to ONNX.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and promote.

    Args:
        data_path: A file of intents; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
    """
    rows = prepare(KEY, data_path)
    parts = do.split(key=KEY, rows=rows.output, seed=seed).set_display_name("Split")
    model = do.train(key=KEY, learn=parts.outputs["learn"], params=params).set_display_name("Train")
    release(KEY, model, parts)
