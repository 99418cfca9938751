"""Rollouts in KServe's Standard mode: Deployments beside each other, weights in an HTTPRoute.

The order that loses no request: the canary starts dark with all its replicas; its weight is raised when each of them
is ready; it is promoted when it has every replica that stable has and the route sends nothing to stable any more; it
is taken away when the route sends nothing to it any more. Requests under way get time to end before pods go.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from nivesh.rollout.actions import Action, Deploy, Done, Failed, Patch, Promote, Refused, Rollback, Traffic, Wait, Wish
from nivesh.rollout.observed import KEPT, LIMITS, Observed

# From the route's change until the pods that it left may go: for the gateway to hear of it, and for requests under way.
DRAIN_SECONDS = 5


def decide(seen: Observed, wish: Wish) -> Action:
    """The next step of a rollout in Standard mode."""
    match wish:
        case Deploy():
            return _deploy(seen, wish)
        case Traffic() if seen.canary is None:
            return Refused(f"{seen.name} has no canary; start one: nivesh deploy KEY --version V --canary 10")
        case Traffic():
            return _shift(seen, wish.percent)
        case Promote():
            return _overtaken(seen, wish, gone=seen.version != wish.version) or _promote(seen)
        case Rollback():
            return _overtaken(seen, wish, gone=seen.version == wish.version) or _rollback(seen, wish.reason)


def canary_name(version: str, taken: str | None = None) -> str:
    """A version as Kubernetes allows it in a name: 1.2.0 -> v1-2-0.

    ``taken`` is the stable predictor's name. It keeps the name of what was once promoted, whatever bundle a manifest
    puts there later, so it may be that of the version that comes now.
    """
    name = "v" + re.sub(r"[^a-z0-9]+", "-", version.lower().removeprefix("v")).strip("-")
    return f"{name}-again" if name == taken else name


def merged(stable: Mapping[str, Any], canary: Mapping[str, Any]) -> dict[str, Any]:
    """The canary's predictor in full, as the controller builds it: its fields over those of stable, lists as a whole."""
    result = dict(stable)
    for key, value in canary.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def _deploy(seen: Observed, wish: Deploy) -> Action:
    canary = seen.canary
    if canary is None:
        if wish.version == seen.version:
            return Refused(f"{seen.name} serves {wish.version} already, to everybody")
        return _start(seen, wish)
    if canary.version != wish.version:
        running = f"a rollout of {canary.version} runs at {canary.percent} %"
        return Refused(f"{seen.name}: {running}; end it first: nivesh promote KEY, or nivesh rollback KEY")
    if canary.percent not in (0, wish.percent):
        return Refused(f"{seen.name}: {canary.version} has {canary.percent} % already; change it: nivesh traffic KEY P")
    return _unready(seen) or _shift(seen, wish.percent)


def _start(seen: Observed, wish: Deploy) -> Patch:
    """A canary without traffic. How stable was found is written into the canary's entry, to be restored."""
    model = dict(seen.predictor["model"])
    model["storageUri"] = model["storageUri"].rstrip("/").rpartition("/")[0] + "/" + wish.version
    floor = seen.predictor.get("minReplicas", 1)
    size = max(floor, seen.stable.wanted)
    kept = {"minReplicas": str(floor), "replicas": str(size)}
    if seen.predictor.get("maxReplicas"):
        kept["maxReplicas"] = str(seen.predictor["maxReplicas"])
    replicas = _share(size, wish.percent)
    entry = {
        "name": canary_name(wish.version, seen.predictor.get("name")),
        "minReplicas": replicas,
        "model": model,
        "annotations": {KEPT[name]: value for name, value in kept.items()},
    }
    return Patch(
        _spec(predictor=_floor(kept, replicas), canary=[{"trafficPercent": 0, "predictor": entry}]),
        "CanaryStarted",
        f"canary {wish.version} starts beside {seen.version} with {replicas} replica(s) and no traffic yet",
        wish.version,
        "canary",
    )


def _shift(seen: Observed, percent: int) -> Action:
    """Give the canary its share: more replicas before more requests, fewer requests at once."""
    canary = seen.canary
    replicas = _replicas(seen)
    needed = max(replicas, _share(_size(seen), percent))
    if percent >= canary.percent and (canary.replicas is None or replicas < needed):
        return Patch(
            _spec(predictor=_floor(canary.kept, needed), canary=[_entry(seen, canary.percent, needed)]),
            "CanaryScaled",
            f"canary {canary.version} gets {needed} replica(s) for {percent} % of the requests",
        )
    if percent > canary.percent and (unready := _unready(seen)):
        return unready
    if percent != canary.percent:
        return Patch(
            _spec(canary=[_entry(seen, percent, replicas)]),
            "TrafficShifted",
            f"canary {canary.version} goes from {canary.percent} % to {percent} % of the requests",
            canary.version,
            f"canary {percent} %",
        )
    if percent and (unready := _unready(seen)):
        return unready
    return (
        _untaken(seen)
        or _unrouted(seen, percent)
        or Done(f"{canary.version} gets {percent} % of the requests, {seen.version} gets {100 - percent} %")
    )


def _promote(seen: Observed) -> Action:
    if seen.canary is None:
        return _alone(seen) or _incomplete(seen) or Done(f"{seen.version} gets all requests; no canary runs")
    shifted = _shift(seen, 100)
    if not isinstance(shifted, Done):
        return shifted
    if draining := _draining(seen):
        return draining
    canary = seen.canary
    promoted = merged(seen.predictor, canary.predictor)
    for name in LIMITS:
        promoted[name] = int(canary.kept[name]) if name in canary.kept else seen.predictor.get(name)
    return Patch(
        _spec(predictor=promoted, canary=None),
        "Promoted",
        f"{canary.version} is stable in place of {seen.version}",
        canary.version,
        "stable",
    )


def _rollback(seen: Observed, reason: str) -> Action:
    canary = seen.canary
    if canary is None:
        return _alone(seen) or Done(f"{seen.version} gets all requests; no canary runs")
    if canary.percent or canary.replicas is None:  # at 0 % the controller would take away a canary without replicas
        return Patch(
            _spec(canary=[_entry(seen, 0, max(1, _replicas(seen)))]),
            "RollbackStarted",
            f"canary {canary.version} goes from {canary.percent} % to 0 %: {reason}",
        )
    waiting = _untaken(seen) or _unrouted(seen, 0) or _draining(seen)
    if waiting:
        return waiting
    restored = {name: int(canary.kept[name]) for name in LIMITS if name in canary.kept}
    return Patch(
        _spec(predictor=restored, canary=None),
        "RolledBack",
        f"canary {canary.version} is taken away, {seen.version} serves everybody: {reason}",
        canary.version,
        f"rolled back: {reason}",
    )


# --- what has to be waited for --------------------------------------------------------------------------------------


def _overtaken(seen: Observed, wish: Promote | Rollback, gone: bool) -> Refused | None:
    """What somebody else made of the rollout meanwhile must not look like the wish come true."""
    if not wish.version or (seen.canary.version == wish.version if seen.canary else not gone):
        return None
    now = f"{seen.canary.version} is the canary now" if seen.canary else f"{seen.version} gets all requests"
    return Refused(f"{seen.name}: somebody else ended the rollout of {wish.version} meanwhile; {now}")


def _untaken(seen: Observed) -> Wait | None:
    return None if seen.current else Wait("KServe to take up the change")


def _unready(seen: Observed) -> Wait | Failed | None:
    """Every replica of the canary has to be ready, not just one as for the controller."""
    canary, workload = seen.canary, seen.canary_workload
    if not seen.current:
        return _untaken(seen)
    if workload.complete and workload.available >= _replicas(seen):
        return None
    problem = workload.problem
    if problem and problem.hopeless:
        return Failed(f"canary {canary.version} does not start, pod {problem.name}: {problem.problem}", canary.version)
    said = f" (pod {problem.name}: {problem.problem})" if problem else ""
    return Wait(f"replicas of {canary.version} to be ready, {workload.available} of {_replicas(seen)} are{said}")


def _unrouted(seen: Observed, percent: int) -> Wait | None:
    if seen.route and seen.route.settled and seen.canary_weight == percent:
        return None
    found = "no route" if seen.route is None else f"{seen.canary_weight} %"
    found += "" if seen.route is None or seen.route.settled else ", not accepted by the gateway yet"
    return Wait(f"the HTTPRoute to give {seen.canary.version} {percent} %, it shows {found}")


def _draining(seen: Observed) -> Wait | None:
    left = DRAIN_SECONDS - seen.route.age
    return Wait(f"requests under way to end, {math.ceil(left)} s") if left > 0 else None


def _alone(seen: Observed) -> Wait | None:
    """After the end of a rollout: only stable is left, and the route knows nothing else."""
    others = [name for name in seen.workloads if name != seen.stable_service]
    if not seen.current or others:
        return Wait(f"KServe to take away {', '.join(others)}" if others else "KServe to take up the change")
    if seen.route is None or not seen.route.settled or seen.route.weights != {seen.stable_service: 100}:
        return Wait(f"the HTTPRoute to give everything to {seen.stable_service}")
    return None


def _incomplete(seen: Observed) -> Wait | None:
    if seen.stable.complete:
        return None
    return Wait(f"replicas of {seen.version} to be ready, {seen.stable.available} of {seen.stable.wanted} are")


# --- replicas and patches -------------------------------------------------------------------------------------------


def _share(size: int, percent: int) -> int:
    return max(1, math.ceil(size * percent / 100))


def _size(seen: Observed) -> int:
    """Replicas that serve everybody: those that stable had or its floor, or what its autoscaler gives it above that."""
    kept = seen.canary.kept
    floor = int(kept.get("minReplicas") or seen.predictor.get("minReplicas", 1))
    most = int(kept.get("maxReplicas") or seen.predictor.get("maxReplicas") or floor)
    # Newer controllers leave the raised floor in force until the canary is ready; that must not look like load.
    ours = _replicas(seen) if kept else 0
    return max(floor, int(kept.get("replicas", 0)), min(most, seen.stable.wanted - ours))


def _replicas(seen: Observed) -> int:
    """Replicas that the controller gives to the canary."""
    canary = seen.canary
    if canary.replicas is not None:
        return canary.replicas
    return math.ceil(seen.predictor.get("minReplicas", 1) * canary.percent / 100)


def _floor(kept: Mapping[str, str], replicas: int) -> dict[str, int]:
    """Stable's limits during a rollout. The controller takes the canary's replicas off stable's floor: add them.

    In a rollout that was begun by a manifest of the user's own, his numbers stay.
    """
    if "minReplicas" not in kept:
        return {}
    raised = {"minReplicas": int(kept["minReplicas"]) + replicas}
    if "maxReplicas" in kept:
        raised["maxReplicas"] = max(int(kept["maxReplicas"]), raised["minReplicas"])
    return raised


def _entry(seen: Observed, percent: int, replicas: int) -> dict[str, Any]:
    return {"trafficPercent": percent, "predictor": {**seen.canary.predictor, "minReplicas": replicas}}


def _spec(*, predictor: Mapping[str, Any] | None = None, canary: list | None = ...) -> dict[str, Any]:
    spec: dict[str, Any] = {"predictor": dict(predictor)} if predictor else {}
    if canary is not ...:
        spec["canary"] = canary
    return {"spec": spec}
