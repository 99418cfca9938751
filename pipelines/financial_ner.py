from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "financial_ner"


@dsl.pipeline(name="train-financial-ner", description="From annotated texts to a served entity recogniser.")
def train_financial_ner(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From annotated texts to a served entity recogniser.

    1. Ingest and validate the texts and their spans.
    2. Hold texts out, near-duplicates on one side.
    3. Train: a spaCy pipeline.
    4. Evaluate the challenger and the champion on the held-out rows, with plots.
    5. Gate; if it passes: register, package and promote.

    Args:
        data_path: A file of entities; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
    """
    rows = prepare(KEY, data_path)
    parts = do.split(key=KEY, rows=rows.output, seed=seed).set_display_name("Split")
    model = do.train(key=KEY, learn=parts.outputs["learn"], params=params).set_display_name("Train")
    release(KEY, model, parts)
