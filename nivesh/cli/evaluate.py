import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile, Percent


def evaluate(
    key: Annotated[str, Argument(help="the model")],
    data_path: Annotated[Path, Option(help="a labelled file in the model's format")],
    since: Annotated[
        datetime | None,
        Option("--from", formats=["%Y-%m-%d"], help="evaluate rows from this date; older ones are history"),
    ] = None,
    version: Annotated[str, Option(help="a version; without it the champion")] = "champion",
    as_json: Annotated[bool, Option("--json", help="print the metrics as JSON and nothing else")] = False,
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
):
    """Evaluate a model on a labelled file of yours.

    **Examples**

    nivesh evaluate intent_classifier --data-path held_out.jsonl

    nivesh evaluate credit_risk --data-path loans.csv --percent debt_to_income

    nivesh evaluate spending_predictor --data-path transactions.parquet --from 2025-04-01 --json
    """
    from rich.table import Table

    from nivesh.cli.progress import bar
    from nivesh.cli.tables import figure
    from nivesh.data import dialect as dialects
    from nivesh.registry import experiments
    from nivesh.serving import batch

    with bar(key) as progress:
        progress(0.0, "evaluating")
        metrics = batch.evaluate(key, data_path, since, version, dialects.load(dialect, percent))
        progress(1.0, "evaluated")
    if as_json:
        print(json.dumps(metrics, ensure_ascii=False, allow_nan=False))
        return
    table = Table("metric", "value", title=f"{key} {version} on {data_path.name}", title_justify="left")
    for name, value in experiments.flatten(metrics).items():
        table.add_row(name, figure(value))
    out.print(table)
    if metrics.get("evaluated_on"):
        out.print(f"measured on {metrics['evaluated_on']}")
