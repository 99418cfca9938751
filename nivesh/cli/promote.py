from nivesh.cli.rollouts import Key, Namespace, Timeout, WithoutRegistry, run


def promote(key: Key, namespace: Namespace = None, timeout: Timeout = 300, without_registry: WithoutRegistry = False):
    """Make the canary the stable version on the cluster, and the champion in MLflow.

    All requests go to it, then the old version's pods are removed. No pod restarts. Repeat the command where MLflow
    failed meanwhile.

    **Examples**

    nivesh promote intent_classifier

    nivesh promote intent_classifier --without-registry
    """
    from nivesh.rollout.commands import Promote

    run(key, Promote(), namespace, timeout, registry=not without_registry)
