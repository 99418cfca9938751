"""The last step of a training: the version that passed the gate goes to where it is served.

Without a cluster in the environment (NIVESH_SERVING_NAMESPACE) that is this machine: the version becomes the champion.
On a cluster it becomes a canary beside the stable version, and the champion changes when a person promotes it. Only where
nothing is served yet, no champion and no InferenceService that is ready, it becomes the stable version at once.
"""

from nivesh import bundle, cluster, registry, tracking
from nivesh.rollout.actions import Deploy, Start
from nivesh.settings import settings

TIMEOUT_SECONDS = 600


def deploy(key: str, version: str, canary: int) -> str:
    """Serve a packaged version, on a cluster with ``canary`` percent of the requests; returns what was done.

    Raises:
        BundleError: the version's bundle is incomplete.
        RolloutRefused: another rollout of this model runs.
        RolloutFailed: the canary does not start.
        ClusterError: Kubernetes is away, refuses, or does not do as told in time.
    """
    chosen = registry.find(key, version)
    if not settings().serving_namespace:
        bundle.verify(registry.bundle_of(chosen))
        champion = registry.serve(key, version)
        return f"{key} {version} is the champion, stage {champion.tags['stage']}"
    kubernetes, name = cluster.Cluster(settings().serving_namespace), key.replace("_", "-")
    seen, _ = kubernetes.read(name)
    first = registry.by_alias(key, registry.CHAMPION) is None and seen.conditions.get("Ready") != "True"
    done = seen.version == version and not seen.canaries  # a step that is tried again finds its own work
    wish = Start(version, chosen.tags["bundle"]) if first or done else Deploy(version, canary)
    return cluster.follow(kubernetes, name, wish, TIMEOUT_SECONDS, tracking.tell, key)
