"""The last step of a training: the version that passed the gate goes to where it is served.

Without NIVESH_SERVING_NAMESPACE that is this machine: the version becomes the champion. On a cluster it becomes a canary
beside the stable version, and the champion changes when a person promotes it. Only where nothing is served yet, no
champion and no ready InferenceService, it becomes the stable version at once.
"""

from nivesh.errors import GateRefused
from nivesh.registry import bundle, bundle_cache, model_registry, tracking
from nivesh.rollout import cluster
from nivesh.rollout.commands import Deploy, ServeFirst
from nivesh.rollout.execution import execute
from nivesh.settings import settings

TIMEOUT_SECONDS = 600


def deploy(key: str, version: str, canary: int) -> str:
    """Serve a packaged version, on a cluster with ``canary`` percent of the requests; returns what was done.

    Raises:
        GateRefused: another version has become champion since the gate judged this one.
        BundleError: the version's bundle is incomplete.
        RolloutRefused: another rollout of this model runs.
        RolloutFailed: the canary does not start.
        ClusterError: Kubernetes does not answer, refuses, or does not reach the wanted state in time.
    """
    chosen, champion = model_registry.find(key, version), _champion(key)
    measured = chosen.tags.get(model_registry.MEASURED_AGAINST, champion)
    if champion and champion not in (measured, version):
        raise GateRefused(
            f"{key} {version} was measured against {measured or 'no champion'}, and {champion} is the champion since; "
            f"train again, or on a cluster: nivesh deploy {key} --version {version}"
        )
    if not settings().serving_namespace:
        bundle.verify(bundle_cache.folder_of(chosen))
        served = model_registry.set_champion(key, version)
        return f"{key} {version} is the champion, stage {served.tags['stage']}"
    kubernetes, name = cluster.Cluster(settings().serving_namespace), key.replace("_", "-")
    state, _ = kubernetes.read(name)
    first = not champion and not state.ready
    completed = state.version == version and not state.canaries  # a step that is retried finds its own work
    serve_first = first or completed
    command = ServeFirst(version, chosen.tags["bundle"]) if serve_first else Deploy(version, canary)
    message = execute(kubernetes, name, command, TIMEOUT_SECONDS, tracking.report_progress, key)
    if serve_first and _champion(key) != version:
        model_registry.set_champion(key, version)  # a rollout goes on without a registry, a training must not
    return message


def _champion(key: str) -> str:
    """The champion's version, "" where there is none."""
    found = model_registry.by_alias(key, model_registry.CHAMPION)
    return model_registry.semantic_version(found) if found else ""
