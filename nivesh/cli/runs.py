from typing import Annotated

from rich.markup import escape
from rich.table import Table
from typer import Argument, Option

from nivesh.cli import out


def runs(
    key: Annotated[str | None, Argument(help="the model; all of them without")] = None,
    limit: Annotated[int, Option(min=1, max=100, help="how many, the newest first")] = 20,
):
    """The pipelines' runs on the cluster: when, how long, how they ended.

    **Examples**

    nivesh runs

    nivesh runs credit_risk --limit 5
    """
    from nivesh import models
    from pipelines.kubeflow import Kubeflow

    name = models.get(key).key if key else None
    table = Table("run", "name", "begun", "took", "state")
    for run in Kubeflow().runs(name, limit):
        took = "" if run.seconds is None else f"{run.seconds:.0f} s"
        begun = f"{run.begun.astimezone():%Y-%m-%d %H:%M}"  # KFP says it in UTC
        table.add_row(run.id[:8], escape(run.name), begun, took, coloured(run.state))
    out.print(table)


def coloured(state: str) -> str:
    """A state of KFP's in the colour that it deserves."""
    colour = {"SUCCEEDED": "green", "FAILED": "red", "RUNNING": "cyan"}.get(state)
    return f"[{colour}]{state}[/]" if colour else state
