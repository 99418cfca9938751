from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from rich.markup import escape
from rich.table import Table
from typer import Argument

from nivesh.cli import out
from nivesh.cli.rollouts import Namespace

if TYPE_CHECKING:
    from nivesh.rollout.state import RolloutState


def status(
    key: Annotated[str | None, Argument(help="the model; by default all of the namespace")] = None,
    namespace: Namespace = None,
):
    """What the cluster serves: versions, requested and actual shares of the requests, replicas, problems.

    **Examples**

    nivesh status

    nivesh status intent_classifier --namespace nivesh
    """
    from nivesh.rollout.cluster import Cluster

    cluster = Cluster(namespace)
    table = Table("model", "stable", "canary", "requested", "actual", "replicas ready", "state")
    names = [key.replace("_", "-")] if key else cluster.names()
    if not names:
        out.print(f"namespace {cluster.namespace} has no InferenceService; name another with --namespace")
        return
    for name in names:
        table.add_row(name.replace("-", "_"), *row(cluster.read(name)[0]))
    out.print(table)


def row(state: RolloutState) -> tuple[str, ...]:
    """The cells of one model after its name."""
    condition = "[green]ready[/]" if state.ready else "[yellow]not ready[/]"
    replicas = f"{state.stable.available}/{state.stable.desired}"
    problems = [state.stable.problem]
    canary = ("–", "–", "–")
    if state.canary:
        replicas += f" + {state.canary_workload.available}/{state.canary_workload.desired}"
        problems.append(state.canary_workload.problem)
        canary = (state.canary.version, f"{state.canary.percent} %", f"{state.canary_weight} %")
    lines = [condition, *(escape(f"{pod.name}: {pod.problem}") for pod in problems if pod)]
    return state.version, *canary, replicas, "\n".join(lines)
