from typing import Annotated

from typer import Option

from nivesh.cli.rollouts import Key, Namespace, Timeout, follow


def rollback(
    key: Key,
    reason: Annotated[str, Option(help="what went wrong; recorded")],
    namespace: Namespace = None,
    timeout: Timeout = 300,
):
    """Take the canary away: first out of the traffic, then its pods. The stable version serves everybody.

    **Example**: nivesh rollback intent_classifier --reason "twice as many errors as 1.0.0"
    """
    from nivesh.rollout.actions import Rollback

    follow(key, Rollback(reason), namespace, timeout)
