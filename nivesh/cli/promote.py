from nivesh.cli.rollouts import Key, Namespace, Timeout, follow


def promote(key: Key, namespace: Namespace = None, timeout: Timeout = 300):
    """Make the canary the stable version: all requests go to it, then the old version's pods go. No pod restarts.

    **Example**: nivesh promote intent_classifier
    """
    from nivesh.rollout.actions import Promote

    follow(key, Promote(), namespace, timeout)
