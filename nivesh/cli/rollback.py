from nivesh.cli.rollouts import Key, Namespace, Reason, Timeout, run


def rollback(key: Key, reason: Reason, namespace: Namespace = None, timeout: Timeout = 300):
    """Remove the canary: first from the traffic, then its pods. The stable version gets all requests.

    To go back from a version that was promoted: nivesh undo.

    **Example**: nivesh rollback intent_classifier --reason "twice as many errors as 1.0.0"
    """
    from nivesh.rollout.commands import Rollback

    run(key, Rollback(reason), namespace, timeout)
