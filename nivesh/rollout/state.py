"""The state of one model's rollout, parsed from Kubernetes objects into plain facts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

REPLICA_BOUNDS = ("minReplicas", "maxReplicas")
# In the canary's entry, not on the InferenceService: annotations there are copied to every pod and would restart them.
SAVED = {name: f"rollout.nivesh.io/stable-{name.lower()}" for name in (*REPLICA_BOUNDS, "replicas")}
HISTORY = "rollout.nivesh.io/history"
# Reasons of a waiting container that do not go away without a change by a person.
UNRECOVERABLE = {
    "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull",
    "ImagePullBackOff", "InvalidImageName", "RunContainerError",
}  # fmt: skip


@dataclass(frozen=True)
class Pod:
    """One pod; ``problem`` is why it is not ready, "" where nothing is wrong."""

    name: str
    problem: str = ""
    unrecoverable: bool = False
    container: str = ""


@dataclass(frozen=True)
class Workload:
    """One Deployment; ``up_to_date`` when its status describes its newest spec."""

    desired: int
    available: int
    up_to_date: bool
    pods: tuple[Pod, ...] = ()

    @property
    def ready(self) -> bool:
        return self.up_to_date and self.available >= self.desired

    @property
    def problem(self) -> Pod | None:
        """The pod with the worst problem."""
        troubled = [pod for pod in self.pods if pod.problem]
        return max(troubled, key=lambda pod: pod.unrecoverable, default=None)


@dataclass(frozen=True)
class Route:
    """The HTTPRoute: percent by Service, whether the gateway has accepted it, seconds since its last change."""

    weights: Mapping[str, int]
    accepted: bool
    age: float


@dataclass(frozen=True)
class History:
    """Where a predictor's version came from.

    Args:
        version: the version that this history is about; another one in the predictor was put there by a manifest.
        replaces: the stable version before it.
        undoes: the version that it replaced by ``nivesh undo``.
        undone: versions that were undone -> reason.
    """

    version: str = ""
    replaces: str = ""
    undoes: str = ""
    undone: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, predictor: Mapping[str, Any]) -> "History":
        """The history in a predictor's annotation; what it says of another version than the predictor's is dropped."""
        text = (predictor.get("annotations") or {}).get(HISTORY)
        found = cls(**json.loads(text)) if text else cls()
        return found if found.version == version_of(predictor) else cls(undone=found.undone)

    def annotation(self) -> dict[str, str]:
        return {HISTORY: json.dumps({name: value for name, value in vars(self).items() if value}, sort_keys=True)}


@dataclass(frozen=True)
class Canary:
    """An entry of ``spec.canary``; ``saved`` holds the stable predictor's settings from before the rollout."""

    name: str
    percent: int
    replicas: int | None
    version: str
    predictor: Mapping[str, Any]
    saved: Mapping[str, str]


@dataclass(frozen=True)
class RolloutState:
    """One InferenceService with everything that its controller derived from it.

    ``reconciled`` when the controller has processed the newest spec.
    """

    name: str
    standard: bool
    reconciled: bool
    predictor: Mapping[str, Any]
    canaries: Sequence[Canary] = ()
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    route: Route | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def canary(self) -> Canary | None:
        return self.canaries[0] if self.canaries else None

    @property
    def version(self) -> str:
        """The stable version."""
        return version_of(self.predictor)

    @property
    def ready(self) -> bool:
        return self.conditions.get("Ready") == "True"

    @property
    def history(self) -> History:
        return History.of(self.predictor)

    def uri(self, version: str) -> str:
        """The storageUri of a version: its bundle lies beside the stable one's."""
        return str(self.predictor["model"]["storageUri"]).rstrip("/").rpartition("/")[0] + "/" + version

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
        """Percent of the requests that the route sends to the canary now."""
        return self.route.weights.get(self.canary_service, 0) if self.route else 0


def version_of(predictor: Mapping[str, Any]) -> str:
    """The version that a predictor serves: the last part of its storageUri."""
    return str(predictor.get("model", {}).get("storageUri") or "").rstrip("/").rpartition("/")[2]


def parse_state(
    service: Mapping[str, Any],
    route: Mapping[str, Any] | None,
    deployments: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    now: datetime,
) -> RolloutState:
    """Kubernetes objects as JSON -> state.

    Args:
        service: the InferenceService.
        route: its HTTPRoute, if there is one yet.
        deployments, pods: those that carry its label.
        now: the API server's time.
    """
    metadata, spec, status = service["metadata"], service["spec"], service.get("status", {})
    annotations = metadata.get("annotations") or {}
    mode = status.get("deploymentMode") or annotations.get("serving.kserve.io/deploymentMode", "Standard")
    # Not its observedGeneration: KServe copies that of the Deployment below. So compare what the controller reports.
    wanted = [(entry["predictor"].get("name"), entry["trafficPercent"]) for entry in spec.get("canary") or ()]
    reported = [(entry["name"], entry["trafficPercent"]) for entry in status.get("canaryStatuses") or ()]
    return RolloutState(
        name=metadata["name"],
        standard=mode in ("Standard", "RawDeployment"),  # the latter is its older name
        reconciled=wanted == reported,
        predictor=spec["predictor"],
        canaries=[_canary(entry) for entry in spec.get("canary") or ()],
        workloads={deployment["metadata"]["name"]: _workload(deployment, pods) for deployment in deployments},
        route=_route(route, now) if route else None,
        conditions={condition["type"]: condition["status"] for condition in status.get("conditions", ())},
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
        saved={name: annotations[key] for name, key in SAVED.items() if key in annotations},
    )


def _workload(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> Workload:
    metadata, status = deployment["metadata"], deployment.get("status", {})
    desired = deployment["spec"].get("replicas", 1)
    labels = deployment["spec"]["selector"]["matchLabels"].items()
    selected = [pod for pod in pods if labels <= pod["metadata"].get("labels", {}).items()]
    updated = status.get("updatedReplicas", 0) >= min(desired, status.get("replicas", 0))
    observed = status.get("observedGeneration", 0) >= metadata["generation"]
    return Workload(desired, status.get("availableReplicas", 0), observed and updated, tuple(map(_pod, selected)))


def _pod(pod: Mapping[str, Any]) -> Pod:
    """A pod's problem is that of its first container that does not run, init containers first."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return Pod(name)
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Pod(name, f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}")
    for container in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
        current = container.get("state", {})
        waiting = current.get("waiting", {})
        terminated = current.get("terminated") or container.get("lastState", {}).get("terminated") or {}
        reason = waiting.get("reason") or (f"exit code {terminated['exitCode']}" if terminated.get("exitCode") else "")
        if container.get("ready") or not reason or reason in ("PodInitializing", "ContainerCreating"):
            continue
        detail = last_line(terminated.get("message", "")) or waiting.get("message", "")
        return Pod(name, f"{reason}: {detail}" if detail else reason, reason in UNRECOVERABLE, container["name"])
    return Pod(name)


def last_line(text: str) -> str:
    """The last line of a log that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _route(route: Mapping[str, Any], now: datetime) -> Route:
    metadata = route["metadata"]
    rules = [_percentages(rule.get("backendRefs") or ()) for rule in route["spec"].get("rules", ())]
    accepted = [
        condition["status"] == "True" and condition.get("observedGeneration", 0) >= metadata["generation"]
        for parent in route.get("status", {}).get("parents", ())
        for condition in parent.get("conditions", ())
        if condition["type"] in ("Accepted", "ResolvedRefs")
    ]
    # managedFields is the only place where an object has the time of its last change; status updates do not count.
    written = [
        datetime.fromisoformat(manager["time"])
        for manager in metadata.get("managedFields", ())
        if manager.get("time") and not manager.get("subresource")
    ]
    return Route(
        weights=rules[0] if rules else {},
        accepted=bool(accepted) and all(accepted) and all(rule == rules[0] for rule in rules),
        age=(now - max(written)).total_seconds() if written else 0.0,
    )


def _percentages(backends: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    weights = {backend["name"]: backend.get("weight", 1) for backend in backends}
    total = sum(weights.values()) or 1
    return {name: round(100 * weight / total) for name, weight in weights.items()}
