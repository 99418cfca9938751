"""What the objects of a cluster say about one served model, as plain facts to decide on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KNATIVE, STANDARD = "Knative", "Standard"
LIMITS = ("minReplicas", "maxReplicas")
# In the canary's entry, not on the InferenceService: annotations there reach every pod, and would restart them all.
KEPT = {name: f"rollout.nivesh.io/stable-{name.lower()}" for name in (*LIMITS, "replicas", "storageUri")}
# A pod in one of these states needs a person; others pass by themselves.
HOPELESS = {
    "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull",
    "ImagePullBackOff", "InvalidImageName", "RunContainerError",
}  # fmt: skip


@dataclass(frozen=True)
class Pod:
    """One pod: ``problem`` is why it is not ready, ``hopeless`` that it will not become so by itself."""

    name: str
    problem: str = ""
    hopeless: bool = False
    container: str = ""


@dataclass(frozen=True)
class Workload:
    """One Deployment: replicas wanted and available; ``settled`` when its status is of its newest spec."""

    wanted: int
    available: int
    settled: bool
    pods: tuple[Pod, ...] = ()

    @property
    def complete(self) -> bool:
        return self.settled and self.available >= self.wanted

    @property
    def problem(self) -> Pod | None:
        """The pod with the worst problem."""
        troubled = [pod for pod in self.pods if pod.problem]
        return max(troubled, key=lambda pod: pod.hopeless, default=None)


@dataclass(frozen=True)
class Route:
    """The HTTPRoute: percent by Service, whether the gateway has accepted it, seconds since it changed."""

    weights: Mapping[str, int]
    settled: bool
    age: float


@dataclass(frozen=True)
class Canary:
    """An entry of ``spec.canary``; ``kept`` is how its rollout found the stable predictor."""

    name: str
    percent: int
    replicas: int | None
    version: str
    predictor: Mapping[str, Any]
    kept: Mapping[str, str]


@dataclass(frozen=True)
class Observed:
    """One InferenceService with all that its controller made of it."""

    name: str
    mode: str
    current: bool
    predictor: Mapping[str, Any]
    canaries: Sequence[Canary] = ()
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    route: Route | None = None
    revisions: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def canary(self) -> Canary | None:
        return self.canaries[0] if self.canaries else None

    @property
    def version(self) -> str:
        """The version in the predictor: the stable one, in Knative mode the newest."""
        return version_of(self.predictor)

    def service(self, predictor_name: str | None) -> str:
        """The name of a predictor's Deployment and Service."""
        return f"{self.name}-{predictor_name}-predictor" if predictor_name else f"{self.name}-predictor"

    @property
    def stable_service(self) -> str:
        return self.service(self.predictor.get("name"))

    @property
    def stable(self) -> Workload:
        return self.workloads.get(self.stable_service, Workload(0, 0, False))

    @property
    def canary_service(self) -> str:
        return self.service(self.canary.name) if self.canary else ""

    @property
    def canary_workload(self) -> Workload:
        return self.workloads.get(self.canary_service, Workload(0, 0, False))

    @property
    def canary_weight(self) -> int:
        """Percent of the requests that the route gives to the canary now."""
        return self.route.weights.get(self.canary_service, 0) if self.route else 0


def version_of(predictor: Mapping[str, Any]) -> str:
    """The version that a predictor serves: the last part of its bundle's address."""
    return (predictor.get("model", {}).get("storageUri") or "").rstrip("/").rpartition("/")[2]


def observe(
    service: Mapping[str, Any],
    route: Mapping[str, Any] | None,
    deployments: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    now: datetime,
    knative: Mapping[str, Any] | None = None,
) -> Observed:
    """Kubernetes' own JSON -> facts.

    Args:
        service: the InferenceService.
        route: its HTTPRoute, if there is one yet.
        deployments, pods: those that carry its label.
        now: the API server's time.
        knative: the Knative Service of its predictor, in that mode.
    """
    metadata, spec, status = service["metadata"], service["spec"], service.get("status", {})
    return Observed(
        name=metadata["name"],
        mode=mode_of(service),
        current=_taken_up(service, knative),
        predictor=spec["predictor"],
        canaries=[_canary(entry) for entry in spec.get("canary") or ()],
        workloads={one["metadata"]["name"]: _workload(one, pods) for one in deployments},
        route=_route(route, now) if route else None,
        revisions=(knative or {}).get("status", {}),
        conditions={one["type"]: one["status"] for one in status.get("conditions", ())},
    )


def mode_of(service: Mapping[str, Any]) -> str:
    """Knative or Standard, under their older names too."""
    annotations = service["metadata"].get("annotations") or {}
    mode = service.get("status", {}).get("deploymentMode") or annotations.get("serving.kserve.io/deploymentMode", "")
    return KNATIVE if mode in (KNATIVE, "Serverless") else STANDARD


def _taken_up(service: Mapping[str, Any], knative: Mapping[str, Any] | None) -> bool:
    """Whether the controller has seen the newest spec.

    The InferenceService's own observedGeneration does not tell: KServe copies that of the Deployment below it. So the
    spec is compared with what the controller makes of it.
    """
    spec, status = service["spec"], service.get("status", {})
    if mode_of(service) == STANDARD:
        asked = [(one["predictor"].get("name"), one["trafficPercent"]) for one in spec.get("canary") or ()]
        return asked == [(one["name"], one["trafficPercent"]) for one in status.get("canaryStatuses") or ()]
    if not knative:
        return False
    made, predictor = knative["spec"], spec["predictor"]
    annotations = made["template"]["metadata"].get("annotations", {})
    share = sum(one.get("percent") or 0 for one in made.get("traffic", ()) if one.get("latestRevision"))
    return (
        annotations.get("internal.serving.kserve.io/storage-initializer-sourceuri") == predictor["model"]["storageUri"]
        and share == predictor.get("canaryTrafficPercent", 100)
        and knative.get("status", {}).get("observedGeneration") == knative["metadata"]["generation"]
    )


def _canary(entry: Mapping[str, Any]) -> Canary:
    predictor = entry["predictor"]
    annotations = predictor.get("annotations") or {}
    return Canary(
        name=predictor.get("name", ""),
        percent=entry["trafficPercent"],
        replicas=predictor.get("minReplicas"),
        version=version_of(predictor),
        predictor=predictor,
        kept={name: annotations[key] for name, key in KEPT.items() if key in annotations},
    )


def _workload(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> Workload:
    metadata, status = deployment["metadata"], deployment.get("status", {})
    wanted = deployment["spec"].get("replicas", 1)
    labels = deployment["spec"]["selector"]["matchLabels"].items()
    mine = [pod for pod in pods if labels <= pod["metadata"].get("labels", {}).items()]
    updated = status.get("updatedReplicas", 0) >= min(wanted, status.get("replicas", 0))
    observed = status.get("observedGeneration", 0) >= metadata["generation"]
    return Workload(wanted, status.get("availableReplicas", 0), observed and updated, tuple(map(_pod, mine)))


def _pod(pod: Mapping[str, Any]) -> Pod:
    """The first container that does not run tells the pod's problem: init containers come before the others."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return Pod(name)
    for one in status.get("conditions", ()):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return Pod(name, f"{one.get('reason', 'Unschedulable')}: {one.get('message', '')}")
    for one in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
        state = one.get("state", {})
        waiting = state.get("waiting", {})
        ended = state.get("terminated") or one.get("lastState", {}).get("terminated") or {}
        reason = waiting.get("reason") or (f"exit code {ended['exitCode']}" if ended.get("exitCode") else "")
        if one.get("ready") or not reason or reason in ("PodInitializing", "ContainerCreating"):
            continue
        said = last_line(ended.get("message", "")) or waiting.get("message", "")
        return Pod(name, f"{reason}: {said}" if said else reason, reason in HOPELESS, one["name"])
    return Pod(name)


def last_line(text: str) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _route(route: Mapping[str, Any], now: datetime) -> Route:
    metadata = route["metadata"]
    rules = [_percent(rule.get("backendRefs") or ()) for rule in route["spec"].get("rules", ())]
    states = [
        (one["status"] == "True" and one.get("observedGeneration", 0) >= metadata["generation"])
        for parent in route.get("status", {}).get("parents", ())
        for one in parent.get("conditions", ())
        if one["type"] in ("Accepted", "ResolvedRefs")
    ]
    # An HTTPRoute has no time of its last change but in the record of who wrote what; its status does not count.
    written = [
        datetime.fromisoformat(one["time"])
        for one in metadata.get("managedFields", ())
        if one.get("time") and not one.get("subresource")
    ]
    return Route(
        weights=rules[0] if rules else {},
        settled=bool(states) and all(states) and all(rule == rules[0] for rule in rules),
        age=(now - max(written)).total_seconds() if written else 0.0,
    )


def _percent(backends: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    weights = {one["name"]: one.get("weight", 1) for one in backends}
    whole = sum(weights.values()) or 1
    return {name: round(100 * weight / whole) for name, weight in weights.items()}
