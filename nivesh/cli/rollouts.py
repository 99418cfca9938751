"""What the rollout commands share: their options, and how they show progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from nivesh.cli import out

if TYPE_CHECKING:
    from nivesh.rollout.commands import Command

Key = Annotated[str, Argument(help="the model, such as intent_classifier")]
Reason = Annotated[str, Option(help="what went wrong; recorded")]
Namespace = Annotated[
    str | None, Option("--namespace", "-n", help="of the InferenceService; by default the context's, or nivesh")
]
Timeout = Annotated[int, Option(min=1, help="seconds to wait at most; repeat the command to go on")]
WithoutRegistry = Annotated[
    bool, Option("--without-registry", help="change the cluster alone; no champion is set in MLflow")
]


def run(key: str, command: Command, namespace: str | None, timeout: int, registry: bool = True) -> None:
    """Run a rollout command to its end and show each step."""
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.rollout.cluster import Cluster
    from nivesh.rollout.execution import execute

    key = models.get(key).key
    with bar(key) as progress:
        message = execute(Cluster(namespace), key.replace("_", "-"), command, timeout, progress, key, registry)
    out.print(f"{key}: {message}", highlight=False)
