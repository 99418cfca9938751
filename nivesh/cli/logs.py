from typing import Annotated

from rich.markup import escape
from rich.rule import Rule
from typer import Argument, Option

from nivesh.cli import out
from nivesh.cli.runs import coloured


def logs(
    run: Annotated[str, Argument(help="its id, or how the id begins; nivesh runs lists them")],
    step: Annotated[str, Option(help="only this one, such as train")] = "",
    namespace: Annotated[str, Option("--namespace", "-n", help="where Kubeflow's pods run")] = "kubeflow",
):
    """What the steps of a run have said, each try of them, and how each step ended.

    **Examples**

    nivesh logs 3f2a9c11

    nivesh logs 3f2a9c11 --step train
    """
    from nivesh.errors import SettingsError
    from nivesh.rollout.cluster import Cluster
    from pipelines import kubeflow

    found, steps = kubeflow.Kubeflow().read(run)
    if step and step not in {one.name for one in steps}:
        begun = ", ".join(dict.fromkeys(one.name for one in steps)) or "none yet"
        raise SettingsError(f"run {found.id[:8]} has begun no step {step!r}; those that it has begun: {begun}")
    told = False
    for name, text in kubeflow.logs(Cluster(namespace), found.id):
        if not step or name.partition(",")[0] == step:
            told = True
            out.print(Rule(name, align="left"))
            out.print(text or "(nothing yet)", markup=False, highlight=False)
    if not told and steps:
        out.print(
            "no pod is left that has said something; Argo may have archived the logs in S3 (artifacts/<workflow>)"
        )
    out.print(Rule("steps", align="left"))
    for one in steps:
        took = f"{(one.ended - one.begun).total_seconds():.0f} s" if one.ended else ""
        out.print(f"{one.name:<18} {coloured(one.state)} {took} {escape(one.problem)}", highlight=False)
    out.print(f"run {found.id} {coloured(found.state)} {escape(found.problem)}", highlight=False)
