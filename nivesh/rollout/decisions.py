"""The next step of a rollout, decided from the present state alone: state and command -> action.

The order that loses no request: the canary starts without traffic, with all its replicas; its weight is raised when
each of them is ready; it is promoted when it has as many replicas as stable and the route sends nothing to stable any
more; it is removed when the route sends nothing to it any more. Requests in flight get time to end before pods go.
"""

import re
from typing import assert_never

from nivesh.rollout import conditions, patches
from nivesh.rollout.actions import Action, Done, Patch, Refused, Wait
from nivesh.rollout.commands import Command, Deploy, Promote, Rollback, ServeFirst, SetTraffic, Undo
from nivesh.rollout.state import Canary, History, RolloutState

VERSION = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}"  # a folder's name in S3; with "-" for "." part of a Service's name
# Set to restart the pods: those that have failed on a missing bundle are retried only after minutes.
FIRST_VERSION = "rollout.nivesh.io/first"


def next_action(state: RolloutState, command: Command) -> Action:
    """The next step from the present state towards what the command asks for."""
    if refused := _invalid(state, command):
        return refused
    match command:
        case ServeFirst():
            return _serve_first(state, command)
        case Deploy():
            return _deploy(state, command)
        case SetTraffic():
            if state.canary is None:
                return Refused(f"{state.name} has no canary; start one: nivesh deploy KEY --version V --canary 10")
            return _shift(state, state.canary, command.percent)
        case Promote():
            return _overtaken(state, command, ended=state.version != command.version) or _promote(state)
        case Rollback():
            return _overtaken(state, command, ended=state.version == command.version) or _rollback(state, command)
        case Undo():
            return _undo(state, command)
    assert_never(command)


def undo_target(state: RolloutState, command: Undo) -> str:
    """The version that an undo brings back; "" where neither the command nor the cluster names one."""
    if command.to:
        return command.to
    if state.canary and (history := History.of(state.canary.predictor)).undoes:
        return history.version
    return state.version if state.history.undoes else state.history.replaces


def _invalid(state: RolloutState, command: Command) -> Refused | None:
    if isinstance(command, Deploy | SetTraffic) and not 0 <= command.percent <= 100:
        return Refused(f"{command.percent} % of the requests is not possible; choose 0 to 100")
    named = command.version if isinstance(command, Deploy) else command.to if isinstance(command, Undo) else None
    if named is not None and not (named == "" and isinstance(command, Undo)) and not re.fullmatch(VERSION, named):
        return Refused(f"{named!r} is not a version; give one such as 1.2.0 or v1.2.3-rc.1")
    if not state.standard:
        return Refused(f"{state.name} is not in KServe's Standard mode, which canaries need")
    if "storageUri" not in state.predictor.get("model", {}):
        return Refused(f"{state.name} has no predictor.model with a storageUri, which a canary needs")
    if len(state.canaries) > 1:
        names = ", ".join(canary.version for canary in state.canaries)
        return Refused(f"{state.name} has several canaries ({names}); leave one in its manifest")
    return None


def _serve_first(state: RolloutState, command: ServeFirst) -> Action:
    if state.canaries:
        return Refused(f"{state.name} has a canary; end it first: nivesh promote KEY, or nivesh rollback KEY")
    if state.version == command.version and state.ready:
        return Done(f"{command.version} gets all requests")
    started = (state.predictor.get("annotations") or {}).get(FIRST_VERSION)
    # Of two trainings at once the later version wins, so that they do not overwrite each other in turn.
    if started and _numbers(started) > _numbers(command.version):
        return Refused(f"{state.name} starts with {started}, which was registered later than {command.version}")
    if started != command.version:
        predictor = {"annotations": {FIRST_VERSION: command.version}, "model": {"storageUri": command.uri}}
        message = f"{command.version} is the first version that is served"
        return Patch(patches.spec(predictor=predictor), "FirstVersion", message, command.version, "stable")
    problem = state.stable.problem
    return Wait(f"{command.version} to be ready" + (f" (pod {problem.name}: {problem.problem})" if problem else ""))


def _deploy(state: RolloutState, command: Deploy) -> Action:
    canary = state.canary
    if canary is None:
        return _start(state, command)
    if canary.version != command.version:
        return Refused(f"{state.name}: {_running(canary)}; end it first: nivesh promote KEY, or nivesh rollback KEY")
    if canary.percent not in (0, command.percent):
        return Refused(
            f"{state.name}: {canary.version} has {canary.percent} % already; change it: nivesh traffic KEY P"
        )
    return conditions.canary_ready(state, canary) or _shift(state, canary, command.percent)


def _start(state: RolloutState, command: Deploy) -> Action:
    version, undone = command.version, dict(state.history.undone)
    if version == state.version:
        return Refused(f"{state.name} serves {version} already, with all requests")
    if version in undone and not command.force:
        return Refused(f"{state.name}: {version} was undone ({undone[version]}); deploy it again with --force")
    undone.pop(version, None)
    history = History(version, replaces=state.version, undone=undone)
    message = f"canary {version} starts beside {state.version}"
    return patches.start(state, version, command.percent, history, "CanaryStarted", message)


def _shift(state: RolloutState, canary: Canary, percent: int) -> Action:
    """Change the canary's share: more replicas before more requests; fewer requests at once."""
    replicas = patches.canary_replicas(state, canary)
    needed = max(replicas, patches.share(patches.total_replicas(state, canary), percent))
    if percent >= canary.percent and (canary.replicas is None or replicas < needed):
        return patches.scale(canary, needed, percent)
    if percent > canary.percent and (not_ready := conditions.canary_ready(state, canary)):
        return not_ready
    if percent != canary.percent:
        return patches.shift(canary, percent, replicas)
    if percent and (not_ready := conditions.canary_ready(state, canary)):
        return not_ready
    return (
        conditions.reconciled(state)
        or conditions.routed(state, canary, percent)
        or Done(f"{canary.version} gets {percent} % of the requests, {state.version} gets {100 - percent} %")
    )


def _promote(state: RolloutState) -> Action:
    canary = state.canary
    if canary is None:
        return _all_to_stable(state)
    return _take_over(state, canary) or patches.promote(
        state, canary, "Promoted", f"{canary.version} is stable in place of {state.version}"
    )


def _rollback(state: RolloutState, command: Rollback) -> Action:
    canary = state.canary
    if canary is None:
        if not command.version:
            current = f"{state.version} gets all requests"
            return Refused(f"{state.name} has no canary, {current}; to go back to an earlier version: nivesh undo KEY")
        return conditions.only_stable(state) or Done(f"{state.version} gets all requests")
    if canary.percent or canary.replicas is None:
        return patches.withdraw(canary, max(1, patches.canary_replicas(state, canary)), command.reason)
    return (
        conditions.reconciled(state)
        or conditions.routed(state, canary, 0)
        or conditions.drained(state.route)
        or patches.remove(state, canary, command.reason)
    )


def _undo(state: RolloutState, command: Undo) -> Action:
    """A canary of the earlier version goes straight to 100 % and is promoted: its pods are ready before the route moves."""
    target, canary = undo_target(state, command), state.canary
    if not target:
        return Refused(f"{state.name}: the cluster does not know what {state.version} replaced; name it: --to VERSION")
    if canary is None and state.version == target:
        return _all_to_stable(state)
    if command.version and state.version != command.version:
        return Refused(f"{state.name}: another client has replaced {command.version} by {state.version} meanwhile")
    if canary is None:
        undone = {**state.history.undone, state.version: command.reason[:200]}
        undone.pop(target, None)
        history = History(target, undoes=state.version, undone=undone)
        message = f"{target} starts, to replace {state.version} ({command.reason}),"
        return patches.start(state, target, 100, history, "UndoStarted", message)
    if canary.version != target:
        return Refused(f"{state.name}: {_running(canary)}; end it first: nivesh rollback KEY")
    message = f"{target} is stable again in place of {state.version}: {command.reason}"
    return _take_over(state, canary) or patches.promote(state, canary, "Undone", message)


def _take_over(state: RolloutState, canary: Canary) -> Action | None:
    """Steps until the canary has all requests and stable has drained; None where it may be promoted."""
    shifted = _shift(state, canary, 100)
    return conditions.drained(state.route) if isinstance(shifted, Done) else shifted


def _all_to_stable(state: RolloutState) -> Action:
    return (
        conditions.only_stable(state)
        or conditions.stable_ready(state)
        or Done(f"{state.version} gets all requests; no canary runs")
    )


def _overtaken(state: RolloutState, command: Promote | Rollback, ended: bool) -> Refused | None:
    """Another client's change must not be reported as this command's success."""
    if not command.version or (state.canary.version == command.version if state.canary else not ended):
        return None
    now = f"{state.canary.version} is the canary now" if state.canary else f"{state.version} gets all requests"
    return Refused(f"{state.name}: another client has ended the rollout of {command.version} meanwhile; {now}")


def _running(canary: Canary) -> str:
    return f"a rollout of {canary.version} runs at {canary.percent} %"


def _numbers(version: str) -> list[int]:
    """For comparison: 1.10.0 is later than 1.9.0."""
    return [int(number) for number in re.findall(r"\d+", version)]
