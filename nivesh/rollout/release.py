"""The last step of a training: the version that passed the gate goes to where it is served.

Without a cluster in the environment (NIVESH_SERVING_NAMESPACE) that is this machine: the version becomes the champion.
On a cluster it becomes a canary beside the stable version, and the champion changes when a person promotes it. Only where
nothing is served yet, no champion and no InferenceService that is ready, it becomes the stable version at once.
"""

from nivesh.errors import GateRefused
from nivesh.registry import bundle, model_registry, tracking
from nivesh.rollout import cluster
from nivesh.rollout.actions import Deploy, Start
from nivesh.settings import settings

TIMEOUT_SECONDS = 600


def deploy(key: str, version: str, canary: int) -> str:
    """Serve a packaged version, on a cluster with ``canary`` percent of the requests; returns what was done.

    Raises:
        GateRefused: another version has become champion since the gate judged this one.
        BundleError: the version's bundle is incomplete.
        RolloutRefused: another rollout of this model runs.
        RolloutFailed: the canary does not start.
        ClusterError: Kubernetes is away, refuses, or does not do as told in time.
    """
    chosen, champion = model_registry.find(key, version), _champion(key)
    measured = chosen.tags.get(model_registry.MEASURED_AGAINST, champion)
    if champion and champion not in (measured, version):
        raise GateRefused(
            f"{key} {version} was measured against {measured or 'no champion'}, and {champion} is the champion since; "
            f"train again, or on a cluster: nivesh deploy {key} --version {version}"
        )
    if not settings().serving_namespace:
        bundle.verify(model_registry.bundle_of(chosen))
        served = model_registry.serve(key, version)
        return f"{key} {version} is the champion, stage {served.tags['stage']}"
    kubernetes, name = cluster.Cluster(settings().serving_namespace), key.replace("_", "-")
    seen, _ = kubernetes.read(name)
    first = not champion and seen.conditions.get("Ready") != "True"
    done = seen.version == version and not seen.canaries  # a step that is tried again finds its own work
    wish = Start(version, chosen.tags["bundle"]) if first or done else Deploy(version, canary)
    said = cluster.follow(kubernetes, name, wish, TIMEOUT_SECONDS, tracking.tell, key)
    if isinstance(wish, Start) and _champion(key) != version:
        model_registry.serve(key, version)  # a rollout goes on without a registry that is slow, a training must not
    return said


def _champion(key: str) -> str:
    """The champion's version, "" where there is none."""
    found = model_registry.by_alias(key, model_registry.CHAMPION)
    return model_registry.label(found) if found else ""
