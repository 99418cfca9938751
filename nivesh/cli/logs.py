from typing import Annotated

from rich.markup import escape
from rich.rule import Rule
from typer import Argument, Option

from nivesh.cli import out
from nivesh.cli.runs import coloured


def logs(
    run: Annotated[str, Argument(help="run id or a prefix of it; nivesh runs lists them")],
    step: Annotated[str, Option(help="show only this step, such as train")] = "",
    namespace: Annotated[str, Option("--namespace", "-n", help="namespace of Kubeflow's pods")] = "kubeflow",
):
    """Show the logs of a run's steps, failed attempts included, and the state of each step.

    **Examples**

    nivesh logs 3f2a9c11

    nivesh logs 3f2a9c11 --step train
    """
    from nivesh.errors import SettingsError
    from nivesh.rollout.cluster import Cluster
    from pipelines import kubeflow

    found, steps = kubeflow.Kubeflow().read(run)
    if step and step not in {known.name for known in steps}:
        started = ", ".join(dict.fromkeys(known.name for known in steps)) or "none yet"
        raise SettingsError(f"run {found.id[:8]} has started no step {step!r}; started steps: {started}")
    shown = False
    for name, text in kubeflow.logs(Cluster(namespace), found.id):
        if not step or name.partition(",")[0] == step:
            shown = True
            out.print(Rule(name, align="left"))
            out.print(text or "(no output yet)", markup=False, highlight=False)
    if not shown and steps:
        out.print("the pods are gone; Argo may have archived their logs in S3 (artifacts/<workflow>)")
    out.print(Rule("steps", align="left"))
    for known in steps:
        duration = f"{(known.ended - known.started).total_seconds():.0f} s" if known.ended else ""
        out.print(f"{known.name:<18} {coloured(known.state)} {duration} {escape(known.problem)}", highlight=False)
    out.print(f"run {found.id} {coloured(found.state)} {escape(found.problem)}", highlight=False)
