"""What has to hold before the next step of a rollout: each check gives None where it holds, else what to wait for."""

import math

from nivesh.rollout.actions import Failed, Wait
from nivesh.rollout.patches import canary_replicas
from nivesh.rollout.state import Canary, RolloutState, Route

# From the route's change until the pods that it left may go: the gateway's propagation, then requests in flight.
DRAIN_SECONDS = 5


def reconciled(state: RolloutState) -> Wait | None:
    return None if state.reconciled else Wait("KServe to process the change")


def canary_ready(state: RolloutState, canary: Canary) -> Wait | Failed | None:
    """All replicas of the canary are available; for KServe's own condition one would do."""
    if waiting := reconciled(state):
        return waiting
    workload, replicas = state.canary_workload, canary_replicas(state, canary)
    if workload.ready and workload.available >= replicas:
        return None
    problem = workload.problem
    if problem and problem.unrecoverable:
        return Failed(f"canary {canary.version} does not start, pod {problem.name}: {problem.problem}", canary.version)
    detail = f" (pod {problem.name}: {problem.problem})" if problem else ""
    return Wait(f"replicas of {canary.version} to be ready, {workload.available} of {replicas} are{detail}")


def routed(state: RolloutState, canary: Canary, percent: int) -> Wait | None:
    """The HTTPRoute sends this share to the canary, and the gateway has accepted it."""
    if state.route and state.route.accepted and state.canary_weight == percent:
        return None
    current = "no route" if state.route is None else f"{state.canary_weight} %"
    current += "" if state.route is None or state.route.accepted else ", not accepted by the gateway yet"
    return Wait(f"the HTTPRoute to give {canary.version} {percent} %, it shows {current}")


def drained(route: Route | None) -> Wait | None:
    """Requests that were in flight when the route changed have had time to end."""
    remaining = DRAIN_SECONDS - (route.age if route else 0.0)
    return Wait(f"requests in flight to end, {math.ceil(remaining)} s") if remaining > 0 else None


def only_stable(state: RolloutState) -> Wait | None:
    """After a rollout: only the stable Deployment is left, and the route sends everything to it."""
    others = [name for name in state.workloads if name != state.stable_service]
    if not state.reconciled or others:
        return Wait(f"KServe to remove {', '.join(others)}" if others else "KServe to process the change")
    if state.route is None or not state.route.accepted or state.route.weights != {state.stable_service: 100}:
        return Wait(f"the HTTPRoute to send everything to {state.stable_service}")
    return None


def stable_ready(state: RolloutState) -> Wait | None:
    if state.stable.ready:
        return None
    return Wait(f"replicas of {state.version} to be ready, {state.stable.available} of {state.stable.desired} are")
