from typing import Annotated

from typer import Option

from nivesh.cli.rollouts import Key, Namespace, Timeout, run


def deploy(
    key: Key,
    version: Annotated[str, Option(help="the version; its bundle lies beside the stable one's")],
    canary: Annotated[int, Option(min=0, max=100, help="percent of the requests that it gets")] = 10,
    force: Annotated[bool, Option("--force", help="also a version that was undone")] = False,
    namespace: Namespace = None,
    timeout: Timeout = 300,
):
    """Start a canary on the cluster: a version beside the stable one, with a share of the requests.

    It gets requests when all its pods are ready. If it does not start, the stable version is not affected.

    **Examples**

    nivesh deploy intent_classifier --version 1.1.0 --canary 10

    nivesh deploy credit_risk --version 1.2.0 --canary 0 --namespace nivesh
    """
    from nivesh.rollout.commands import Deploy

    run(key, Deploy(version, canary, force), namespace, timeout)
