from typing import Annotated

from rich.markup import escape
from rich.table import Table
from typer import Argument, Option

from nivesh.cli import out


def runs(
    key: Annotated[str | None, Argument(help="model key; all models if omitted")] = None,
    limit: Annotated[int, Option(min=1, max=100, help="number of runs, newest first")] = 20,
):
    """List the pipeline runs on the cluster: start, duration, state.

    **Examples**

    nivesh runs

    nivesh runs credit_risk --limit 5
    """
    from nivesh import models
    from pipelines.kubeflow import Kubeflow

    name = models.get(key).key if key else None
    table = Table("run", "name", "started", "duration", "state")
    for run in Kubeflow().runs(name, limit):
        duration = "" if run.seconds is None else f"{run.seconds:.0f} s"
        started = f"{run.started.astimezone():%Y-%m-%d %H:%M}"  # KFP gives UTC
        table.add_row(run.id[:8], escape(run.name), started, duration, coloured(run.state))
    out.print(table)


def coloured(state: str) -> str:
    """A state of KFP with the markup of its colour."""
    colour = {"SUCCEEDED": "green", "FAILED": "red", "RUNNING": "cyan"}.get(state)
    return f"[{colour}]{state}[/]" if colour else state
