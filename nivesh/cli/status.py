from typing import Annotated

from rich.table import Table
from typer import Argument

from nivesh.cli import out
from nivesh.cli.rollouts import Namespace


def status(
    key: Annotated[str | None, Argument(help="the model; all of the namespace without")] = None,
    namespace: Namespace = None,
):
    """What the cluster serves: versions, shares of the requests asked and in force, replicas, what is wrong.

    **Examples**

    nivesh status

    nivesh status intent_classifier --namespace nivesh
    """
    from nivesh.rollout import cluster

    kubernetes = cluster.Cluster(namespace)
    table = Table("model", "stable", "canary", "asked", "in force", "replicas ready", "state")
    names = [key.replace("_", "-")] if key else kubernetes.names()
    if not names:
        out.print(f"namespace {kubernetes.namespace} has no InferenceService; name another with --namespace")
        return
    for name in names:
        seen, _ = kubernetes.read(name)
        table.add_row(name.replace("-", "_"), *row(seen))
    out.print(table)


def row(seen) -> tuple[str, ...]:
    """The cells of one model (``nivesh.rollout.Observed``) after its name."""
    from nivesh.rollout.observed import KNATIVE

    if seen.mode == KNATIVE:
        return knative_row(seen)
    replicas = f"{seen.stable.available}/{seen.stable.wanted}"
    problems = [seen.stable.problem]
    state = "[green]ready[/]" if seen.conditions.get("Ready") == "True" else "[yellow]not ready[/]"
    if seen.canary is None:
        return seen.version, "–", "–", "–", replicas, _with_problems(state, problems)
    replicas += f" + {seen.canary_workload.available}/{seen.canary_workload.wanted}"
    problems.append(seen.canary_workload.problem)
    asked, given = f"{seen.canary.percent} %", f"{seen.canary_weight} %"
    return seen.version, seen.canary.version, asked, given, replicas, _with_problems(state, problems)


def knative_row(seen) -> tuple[str, ...]:
    """Revisions take the place of replicas."""
    from nivesh.rollout import knative

    state = "[green]ready[/]" if seen.conditions.get("Ready") == "True" else "[yellow]not ready[/]"
    percent = seen.predictor.get("canaryTrafficPercent")
    newest = f"revision {seen.revisions.get('latestReadyRevisionName', '–')}"
    if percent is None:
        return seen.version, "–", "–", "–", newest, state
    return knative.stable_version(seen) or "?", seen.version, f"{percent} %", f"{knative.share(seen)} %", newest, state


def _with_problems(state: str, problems: list) -> str:
    from rich.markup import escape

    return "\n".join([state, *(escape(f"{pod.name}: {pod.problem}") for pod in problems if pod)])
