from typing import Annotated

from typer import Argument

from nivesh.cli.rollouts import Key, Namespace, Timeout, follow


def traffic(
    key: Key,
    percent: Annotated[int, Argument(min=0, max=100, help="percent of the requests that the canary gets")],
    namespace: Namespace = None,
    timeout: Timeout = 300,
):
    """Give the canary another share of the requests, with the replicas that it needs for it.

    **Example**: nivesh traffic intent_classifier 50
    """
    from nivesh.rollout.actions import Traffic

    follow(key, Traffic(percent), namespace, timeout)
