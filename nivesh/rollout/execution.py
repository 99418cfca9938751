"""Runs a command to its end: decide, patch, wait, and record each step."""

import time
from collections.abc import Callable
from dataclasses import replace

from nivesh.errors import ClusterError, ClusterUnavailable, RegistryError, RolloutFailed, RolloutRefused
from nivesh.rollout import champion
from nivesh.rollout.actions import Done, Failed, Patch, Refused, Wait
from nivesh.rollout.cluster import Cluster
from nivesh.rollout.commands import Command, Deploy, Promote, Rollback, ServeFirst, SetTraffic, Undo
from nivesh.rollout.decisions import next_action, undo_target
from nivesh.rollout.state import RolloutState

POLL_SECONDS = 0.5
# Each is applied at most once by a command; seeing it needed again means that another client reverted it. A rollback
# retries.
APPLIED_ONCE = {"CanaryStarted", "TrafficShifted", "Promoted", "UndoStarted", "Undone"}


def execute(
    cluster: Cluster,
    name: str,
    command: Command,
    timeout: float,
    progress: Callable[[float, str], None],
    key: str,
    registry: bool = True,
) -> str:
    """Run a command until it is completed; returns the sentence that says what was reached.

    Args:
        name: the InferenceService.
        timeout: seconds for all of it, requests that the API server did not answer included.
        progress: called with (elapsed fraction of the timeout, what is done or waited for).
        key: the model in MLflow, whose versions are tagged with each decision.
        registry: whether Promote and Undo need an MLflow that knows the version; False leaves the champion alone.

    Raises:
        RolloutRefused: the command does not apply to the present state.
        RolloutFailed: the canary does not start.
        RegistryError: Promote or Undo, and the registry does not know the version; or it stopped answering meanwhile.
        ClusterError: the timeout has passed, or the cluster refuses.
    """
    started, applied = time.monotonic(), set[str]()
    prepared = False
    while True:
        elapsed = time.monotonic() - started
        try:
            state, service = cluster.read(name)
            if not prepared:
                command, prepared = _prepare(state, command, key, registry), True
            action = next_action(state, command)
            if isinstance(action, Patch | Wait) and elapsed > timeout:
                next_step = action.message if isinstance(action, Patch) else action.condition
                raise ClusterError(f"gave up after {timeout:.0f} s before: {next_step}; repeat the command to go on")
            match action:
                case Done(message):
                    return _finish(state, command, key, registry, message)
                case Refused(reason):
                    raise RolloutRefused(reason)
                case Failed(reason, version):
                    cluster.record(service, "CanaryFailed", reason, "Warning")
                    champion.tag(key, version, "failed", reason)
                    raise RolloutFailed(
                        f"{reason}. The stable version keeps serving; remove the canary: nivesh rollback KEY --reason ..."
                    )
                case Wait(condition):
                    progress(elapsed / timeout, f"waits for {condition}")
                case Patch():
                    if action.event in APPLIED_ONCE & applied:
                        raise ClusterError(
                            f"{name}: stopped before: {action.message}, for the second time; another client changes "
                            "it at the same time, or KServe is too old to keep it"
                        )
                    if cluster.patch(service, action.body):
                        applied.add(action.event)
                        cluster.record(service, action.event, action.message)
                        if action.tag:
                            champion.tag(key, action.version, "rollout", action.tag)
                        progress(elapsed / timeout, action.message)
        except ClusterUnavailable as error:
            if elapsed > timeout:
                raise
            progress(elapsed / timeout, f"waits for the API server: {error}")
        time.sleep(POLL_SECONDS)


def _prepare(state: RolloutState, command: Command, key: str, registry: bool) -> Command:
    """Bind a command to the versions that it is about, and check that the registry knows what will be the champion."""
    canary = state.canary
    if isinstance(command, Promote | Rollback) and canary and canary.version != state.version:
        command = replace(command, version=command.version or canary.version)
    if isinstance(command, Undo):
        target = undo_target(state, command) or champion.previous(key, state.version)
        if target and target != state.version:
            command = replace(command, to=target, version=state.version)
        elif target:
            command = replace(command, to=target)
    if isinstance(command, Deploy) and not command.force and not canary:
        reason = champion.undone(key, command.version)
        if reason:
            raise RolloutRefused(f"{key} {command.version} was undone ({reason}); deploy it again with --force")
    future = command.to if isinstance(command, Undo) else canary.version if canary else state.version
    if registry and isinstance(command, Promote | Undo) and future:
        try:
            champion.require(key, future, state.uri(future))
        except RegistryError as error:
            raise RegistryError(
                f"{error}. Nothing was changed; --without-registry goes on and names no champion"
            ) from None
    return command


def _finish(state: RolloutState, command: Command, key: str, registry: bool, message: str) -> str:
    """Bring the registry in step with what now gets all requests."""
    if isinstance(command, Deploy | SetTraffic):
        return message
    if not registry:
        return f"{message}; no champion was set, as there is no registry"
    try:
        undo = isinstance(command, Undo)
        message = f"{message}; {champion.set_champion(key, state.version, state.uri(state.version), undo)}"
    except RegistryError as error:
        if isinstance(command, Rollback | ServeFirst):  # must not be held up by a registry that is away
            return f"{message}; no champion was set: {error}"
        raise RegistryError(f"{message}, but it is not the champion yet: {error}; repeat the command") from None
    for version, reason in state.history.undone.items():
        champion.tag(key, version, champion.UNDONE, reason)
    if isinstance(command, Promote | Undo):
        champion.tag(key, state.version, champion.UNDONE, "")
    return message
