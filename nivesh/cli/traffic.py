from typing import Annotated

from typer import Argument

from nivesh.cli.rollouts import Key, Namespace, Timeout, run


def traffic(
    key: Key,
    percent: Annotated[int, Argument(min=0, max=100, help="percent of the requests that the canary gets")],
    namespace: Namespace = None,
    timeout: Timeout = 300,
):
    """Change the canary's share of the requests; its replicas are scaled up first where it needs more.

    **Example**: nivesh traffic intent_classifier 50
    """
    from nivesh.rollout.commands import SetTraffic

    run(key, SetTraffic(percent), namespace, timeout)
