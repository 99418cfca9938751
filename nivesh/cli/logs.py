from typing import Annotated

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
    from nivesh import kubeflow
    from nivesh.cluster import Cluster

    found, steps = kubeflow.Kubeflow().read(run)
    told = False
    for name, text in kubeflow.logs(Cluster(namespace), found.id):
        if not step or name.partition(",")[0] == step:
            told = True
            out.print(Rule(name, align="left"))
            out.print(text or "(nothing yet)", markup=False, highlight=False)
    if not told:
        out.print("the pods of this run are gone; their logs lie in S3 where Argo archives them (artifacts/<workflow>)")
    out.print(Rule("steps", align="left"))
    for one in steps:
        took = f"{(one.ended - one.begun).total_seconds():.0f} s" if one.ended else ""
        out.print(f"{one.name:<18} {coloured(one.state)} {took} {one.problem}", highlight=False)
    out.print(f"run {found.id} {coloured(found.state)} {found.problem}", highlight=False)
