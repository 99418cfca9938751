"""What the verbs of a rollout share: their options, and how they show what goes on."""

from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out

Key = Annotated[str, Argument(help="the model, such as intent_classifier")]
Namespace = Annotated[
    str | None, Option("--namespace", "-n", help="that of the InferenceService; the context's without, or nivesh")
]
Timeout = Annotated[int, Option(min=1, help="seconds to wait at most; calling again goes on")]


def follow(key: str, wish, namespace: str | None, timeout: int) -> None:
    """Do all steps of a rollout, and show each of them."""
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.rollout import cluster

    key = models.get(key).key
    with bar(key) as progress:
        message = cluster.follow(cluster.Cluster(namespace), key.replace("_", "-"), wish, timeout, progress, key)
    out.print(f"{key}: {message}", highlight=False)
