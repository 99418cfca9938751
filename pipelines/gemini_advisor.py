from kfp import dsl

import components as do
from pipelines.stages import prepare, release

KEY = "gemini_advisor"


@dsl.pipeline(name="train-gemini-advisor", description="From examples of advice to a served, guarded Gemini.")
def train_gemini_advisor(data_path: str = "", seed: int = 0, params: dict = {}):  # noqa: B006  KFP copies it into the YAML
    """From examples of advice to a served, guarded Gemini.

    1. Ingest and validate the examples; personal data end the run.
    2. Hold examples out, near-duplicates on one side.
    3. Train: upload, tune on Vertex AI (or find the job that does), wait for the endpoint.
    4. Evaluate the challenger and the champion, each beside its base model, on the held-out questions.
    5. Gate; if it passes: register, package and promote.

    Args:
        data_path: A file of advice; empty means the shipped sample.
        seed: Draws the held-out rows.
        params: Training parameters that differ from the model's defaults.
    """
    rows = prepare(KEY, data_path)
    parts = do.split(key=KEY, rows=rows.output, seed=seed).set_display_name("Split")
    model = do.train(key=KEY, learn=parts.outputs["learn"], params=params).set_display_name("Train")
    release(KEY, model, parts)
