"""Replica counts during a rollout, and the patches that each step makes to an InferenceService."""

import math
import re
from collections.abc import Mapping
from typing import Any

from nivesh.rollout.actions import Patch
from nivesh.rollout.state import REPLICA_BOUNDS, SAVED, Canary, History, RolloutState


def canary_name(version: str, in_use: str | None = None) -> str:
    """A version as Kubernetes allows it in a name: 1.2.0 -> v1-2-0.

    Args:
        version: the canary's version.
        in_use: the stable predictor's name. It keeps the name of the version that was once promoted, whatever a
            manifest makes it serve later, so it can be the name of the version that is deployed now.
    """
    name = "v" + re.sub(r"[^a-z0-9]+", "-", version.lower().removeprefix("v")).strip("-")
    return f"{name}-again" if name == in_use else name


def merge_predictors(stable: Mapping[str, Any], canary: Mapping[str, Any]) -> dict[str, Any]:
    """The canary's complete predictor, as the controller builds it: its fields override stable's; lists as a whole."""
    result = dict(stable)
    for key, value in canary.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge_predictors(result[key], value) if nested else value
    return result


# --- replicas -------------------------------------------------------------------------------------------------------


def share(total: int, percent: int) -> int:
    """Replicas for a share of the requests, at least one."""
    return max(1, math.ceil(total * percent / 100))


def total_replicas(state: RolloutState, canary: Canary) -> int:
    """Replicas that all requests need: stable's before the rollout, or what its autoscaler has added since."""
    saved = canary.saved
    floor = int(saved.get("minReplicas") or state.predictor.get("minReplicas", 1))
    ceiling = int(saved.get("maxReplicas") or state.predictor.get("maxReplicas") or floor)
    # Newer controllers keep the raised floor until the canary is ready; that must not look like load.
    added = canary_replicas(state, canary) if saved else 0
    return max(floor, int(saved.get("replicas", 0)), min(ceiling, state.stable.desired - added))


def canary_replicas(state: RolloutState, canary: Canary) -> int:
    """Replicas that the controller gives to the canary."""
    if canary.replicas is not None:
        return canary.replicas
    return math.ceil(state.predictor.get("minReplicas", 1) * canary.percent / 100)


def stable_bounds(saved: Mapping[str, str], replicas: int) -> dict[str, int]:
    """Stable's replica bounds during a rollout.

    The controller subtracts the canary's replicas from stable's floor, so they are added here. In a rollout that was
    started by a user's own manifest the bounds stay as they are.
    """
    if "minReplicas" not in saved:
        return {}
    raised = {"minReplicas": int(saved["minReplicas"]) + replicas}
    if "maxReplicas" in saved:
        raised["maxReplicas"] = max(int(saved["maxReplicas"]), raised["minReplicas"])
    return raised


# --- patches --------------------------------------------------------------------------------------------------------


def start(state: RolloutState, version: str, percent: int, history: History, event: str, message: str) -> Patch:
    """Create a canary without traffic, with the replicas for ``percent``; stable's settings are saved in its entry."""
    model = {**state.predictor["model"], "storageUri": state.uri(version)}
    floor = state.predictor.get("minReplicas", 1)
    total = max(floor, state.stable.desired)
    saved = {"minReplicas": str(floor), "replicas": str(total)}
    if state.predictor.get("maxReplicas"):
        saved["maxReplicas"] = str(state.predictor["maxReplicas"])
    replicas = share(total, percent)
    entry = {
        "name": canary_name(version, state.predictor.get("name")),
        "minReplicas": replicas,
        "model": model,
        "annotations": {SAVED[name]: value for name, value in saved.items()} | history.annotation(),
    }
    body = spec(predictor=stable_bounds(saved, replicas), canary=[{"trafficPercent": 0, "predictor": entry}])
    return Patch(body, event, f"{message} with {replicas} replica(s) and no traffic yet", version, "canary")


def scale(canary: Canary, replicas: int, percent: int) -> Patch:
    """Give the canary the replicas that ``percent`` of the requests needs, before it gets them."""
    return Patch(
        spec(predictor=stable_bounds(canary.saved, replicas), canary=[entry(canary, canary.percent, replicas)]),
        "CanaryScaled",
        f"canary {canary.version} gets {replicas} replica(s) for {percent} % of the requests",
    )


def shift(canary: Canary, percent: int, replicas: int) -> Patch:
    """Change the canary's share of the requests."""
    return Patch(
        spec(canary=[entry(canary, percent, replicas)]),
        "TrafficShifted",
        f"canary {canary.version} goes from {canary.percent} % to {percent} % of the requests",
        canary.version,
        f"canary {percent} %",
    )


def promote(state: RolloutState, canary: Canary, event: str, message: str) -> Patch:
    """Make the canary's predictor the stable one, with stable's replica bounds; its pods are not restarted."""
    promoted = merge_predictors(state.predictor, canary.predictor)
    for name in REPLICA_BOUNDS:
        promoted[name] = int(canary.saved[name]) if name in canary.saved else state.predictor.get(name)
    return Patch(spec(predictor=promoted, canary=None), event, message, canary.version, "stable")


def withdraw(canary: Canary, replicas: int, reason: str) -> Patch:
    """Take the canary out of the traffic. At 0 % the controller would remove one without minReplicas: set it."""
    return Patch(
        spec(canary=[entry(canary, 0, replicas)]),
        "RollbackStarted",
        f"canary {canary.version} goes from {canary.percent} % to 0 %: {reason}",
    )


def remove(state: RolloutState, canary: Canary, reason: str) -> Patch:
    """Remove the canary, and restore stable's replica bounds."""
    restored = {name: int(canary.saved[name]) for name in REPLICA_BOUNDS if name in canary.saved}
    return Patch(
        spec(predictor=restored, canary=None),
        "RolledBack",
        f"canary {canary.version} is removed, {state.version} gets all requests: {reason}",
        canary.version,
        f"rolled back: {reason}",
    )


def entry(canary: Canary, percent: int, replicas: int) -> dict[str, Any]:
    return {"trafficPercent": percent, "predictor": {**canary.predictor, "minReplicas": replicas}}


def spec(*, predictor: Mapping[str, Any] | None = None, canary: Any = ...) -> dict[str, Any]:
    """A merge patch of ``spec``; ``canary=None`` removes the field, leaving it out keeps it."""
    body: dict[str, Any] = {"predictor": dict(predictor)} if predictor else {}
    if canary is not ...:
        body["canary"] = canary
    return {"spec": body}
