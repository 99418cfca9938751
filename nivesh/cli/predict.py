from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import err, out
from nivesh.cli.dialects import DialectFile, Percent


def predict(
    key: Annotated[str, Argument(help="the model")],
    input: Annotated[Path, Option("--input", "-i", help="a file in the model's format, or a pipe; needs no labels")],
    output: Annotated[Path, Option("--output", "-o", help="file to write: .jsonl, .csv or .parquet")],
    version: Annotated[str, Option(help="a version; without it the champion")] = "champion",
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
):
    """Answer every row of a file: its own columns in its own order, and the predictions behind them.

    **Examples**

    nivesh predict intent_classifier --input questions.jsonl --output answers.jsonl

    nivesh predict anomaly_detector --input statement.xlsx --dialect hdfc.yaml --output suspicious.csv

    nivesh predict credit_risk --input loans.csv --percent debt_to_income --output decisions.csv
    """
    from nivesh.cli.progress import bar
    from nivesh.data import dialect as dialects
    from nivesh.serving import batch

    with bar(key) as progress:
        progress(0.0, "predicting")
        predicted = batch.predict(key, input, output, version, dialects.load(dialect, percent))
        progress(1.0, "predicted")
    for note in predicted.notes:
        err.print(f"[yellow]note:[/] {input.name}: ", end="")
        err.print(note, markup=False, highlight=False, soft_wrap=True)
    out.print(f"{predicted.rows:,} rows in {output}")
