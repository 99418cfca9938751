"""Kubernetes: KServe, the gateway, each InferenceService and its canary; and Kubeflow Pipelines."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from packaging.version import InvalidVersion, Version

from nivesh.doctor.finding import TIMEOUT, Finding, fail, not_configured, ok, warn
from nivesh.errors import ClusterError, ClusterUnavailable
from nivesh.rollout.cluster import UNKNOWN_KIND, ApiError, Cluster
from nivesh.rollout.state import RolloutState

OLDEST = Version("1.30")  # preStop.sleep, without which requests are lost when a pod ends
KFP = "KF_PIPELINES_ENDPOINT"  # KFP's own
GATEWAY_NAMESPACE, GATEWAY = "kserve", "kserve-ingress-gateway"  # that of KServe and of manifests/models/template
INSTALL = "make kind, or manifests/kind/install on another cluster"


def kubernetes() -> list[Finding]:
    """The cluster of the kubeconfig or of the pod, and the models in the namespace of its context."""
    kubeconfig = os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    named = any(os.path.exists(path) for path in kubeconfig.split(os.pathsep))
    if "KUBECONFIG" not in os.environ and not named and "KUBERNETES_SERVICE_HOST" not in os.environ:
        return [not_configured("Kubernetes", "KUBECONFIG")]
    try:
        cluster = Cluster(request_seconds=TIMEOUT, retries=0)
        version = cluster.version()
    except ClusterUnavailable as error:
        return [fail("Kubernetes", str(error), "start the cluster, or correct KUBECONFIG; kubectl cluster-info")]
    except ClusterError as error:
        return [fail("Kubernetes", str(error), "correct KUBECONFIG, or log in again; kubectl auth whoami")]
    return [_kubernetes(version), *gateway(Cluster(GATEWAY_NAMESPACE, TIMEOUT, 0)), *models(cluster)]


def _kubernetes(version: str) -> Finding:
    try:
        if Version(version.lstrip("v").partition("+")[0]) < OLDEST:
            return warn("Kubernetes", f"{version} is older than {OLDEST}", f"upgrade the cluster to {OLDEST} or newer")
    except InvalidVersion:
        pass
    return ok("Kubernetes", version)


def gateway(cluster: Cluster) -> list[Finding]:
    """The gateway that all requests go through, in the given cluster's namespace."""
    name = f"{GATEWAY_NAMESPACE}/{GATEWAY}"
    try:
        found = cluster.gateway(GATEWAY)
    except ClusterError as error:  # who serves models need not be allowed to see it
        return [
            warn("gateway", f"{name} cannot be read: {error}", f"kubectl auth can-i get gateway -n {GATEWAY_NAMESPACE}")
        ]
    if found is None:
        return [fail("gateway", f"there is no Gateway {name}", INSTALL)]
    return [programmed(name, found.get("status", {}).get("conditions", ()))]


def programmed(name: str, conditions: Iterable[Mapping[str, Any]]) -> Finding:
    """Whether a Gateway, by the conditions of its status, is at work."""
    found = {condition["type"]: condition for condition in conditions}
    for kind in ("Accepted", "Programmed"):
        condition = found.get(kind, {})
        if condition.get("status") != "True":
            text = f"{name} is not {kind}: {condition.get('message') or 'no controller has seen it'}"
            return fail("gateway", text, f"kubectl -n {GATEWAY_NAMESPACE} describe gateway {GATEWAY}")
    return ok("gateway", name)


def models(cluster: Cluster) -> list[Finding]:
    """KServe and what it serves in the cluster's namespace."""
    try:
        states = [cluster.read(name)[0] for name in cluster.names()]
    except ApiError as error:
        remedy = INSTALL if error.status == UNKNOWN_KIND else "kubectl auth can-i --list: the user needs to read these"
        return [fail("KServe", str(error), remedy)]
    except ClusterError as error:
        return [fail("KServe", str(error), "kubectl get --raw /readyz")]
    if not states:
        return [warn("KServe", f"namespace {cluster.namespace} has no InferenceService", "kubectl apply -k manifests/")]
    ready = sum(state.ready for state in states)
    found = [finding for state in states for finding in service(state)]
    summary = f"{ready} of {len(states)} InferenceServices of namespace {cluster.namespace} are ready"
    return ([ok("KServe", summary)] if ready == len(states) else []) + found


def service(state: RolloutState) -> list[Finding]:
    """What is wrong with a model, and what its canary does; nothing where it is ready and has none."""
    key = state.name.replace("-", "_")
    found = []
    if problem := state.stable.problem:
        text = f"{state.version}: pod {problem.name}: {problem.problem}"
        found.append(fail(key, text, f"kubectl describe pod {problem.name}"))
    elif not state.ready:
        replicas = f"{state.stable.available} of {state.stable.desired} replicas"
        found.append(fail(key, f"{state.version} is not ready, {replicas}", f"kubectl describe isvc {state.name}"))
    if state.route and not state.route.accepted:
        remedy = f"kubectl describe httproute {state.name}"
        found.append(fail(key, "the gateway has not accepted its HTTPRoute", remedy))
    if state.canary is None:
        return found
    share = (
        f"canary {state.canary.version} gets {state.canary_weight} % of the requests, {state.canary.percent} % asked"
    )
    if broken := state.canary_workload.problem:
        text = f"canary {state.canary.version}: pod {broken.name}: {broken.problem}"
        found.append(fail(key, text, f'nivesh rollback {key} --reason "its pods do not start"'))
    elif state.canary_weight != state.canary.percent:
        found.append(warn(key, share, f"nivesh traffic {key} {state.canary.percent}, which waits and says why"))
    else:
        found.append(ok(key, f"{share}; nivesh promote or nivesh rollback ends it"))
    return found


def pipelines() -> list[Finding]:
    """The API of Kubeflow Pipelines."""
    url = os.environ.get(KFP, "").rstrip("/")
    if not url:
        return [not_configured("Kubeflow Pipelines", KFP)]
    remedy = f"kubectl -n kubeflow port-forward service/ml-pipeline 8888, or correct {KFP}"
    try:
        answer = httpx.get(f"{url}/apis/v2beta1/healthz", timeout=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [fail("Kubeflow Pipelines", f"{url} does not answer: {type(error).__name__}: {error}", remedy)]
    if not answer.is_success:
        return [fail("Kubeflow Pipelines", f"{url} answers {answer.status_code}", remedy)]
    return [ok("Kubeflow Pipelines", url)]
