from typing import Annotated

from typer import Option

from nivesh.cli.rollouts import Key, Namespace, Reason, Timeout, WithoutRegistry, run


def undo(
    key: Key,
    reason: Reason,
    to: Annotated[str, Option(help="the version to serve again; by default the one before the stable one")] = "",
    namespace: Namespace = None,
    timeout: Timeout = 300,
    without_registry: WithoutRegistry = False,
):
    """Go back to an earlier version after a promotion, on the cluster and in MLflow.

    The earlier version's pods are ready before the route moves, so no request is lost. The version that was undone is
    not deployed again without --force.

    **Examples**

    nivesh undo intent_classifier --reason "complaints about 1.1.0"

    nivesh undo credit_risk --to 1.2.0 --reason "wrong income units since 1.3.0"
    """
    from nivesh.rollout.commands import Undo

    run(key, Undo(reason, to), namespace, timeout, registry=not without_registry)
