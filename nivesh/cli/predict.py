from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out


def predict(
    key: Annotated[str, Argument(help="the model")],
    input: Annotated[Path, Option("--input", "-i", help="a file in the model's format; labels may be missing")],
    output: Annotated[Path, Option("--output", "-o", help="file to write: .jsonl, .csv or .parquet")],
    version: Annotated[str, Option(help="a version; the served one without it")] = "champion",
):
    """Answer every row of a file.

    **Examples**

    nivesh predict intent_classifier --input questions.jsonl --output answers.jsonl

    nivesh predict anomaly_detector --input transactions.parquet --output suspicious.csv
    """
    from nivesh.cli.progress import bar
    from nivesh.serving import batch

    with bar(key) as progress:
        progress(0.0, "predicting")
        rows = batch.predict(key, input, output, version)
        progress(1.0, "predicted")
    out.print(f"{rows:,} rows in {output}")
