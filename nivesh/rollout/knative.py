"""Rollouts in KServe's Knative mode: revisions of one predictor, ``canaryTrafficPercent`` for the newest.

Knative itself sends nothing to a revision that is not ready. The stable version is no longer in the predictor while a
canary runs, so its bundle's address is written beside it, for the way back.
"""

from typing import Any

from nivesh.rollout.actions import Action, Deploy, Done, Patch, Promote, Refused, Rollback, Traffic, Wait, Wish
from nivesh.rollout.observed import KEPT, Observed, version_of


def decide(seen: Observed, wish: Wish) -> Action:
    """The next step of a rollout in Knative mode."""
    percent = seen.predictor.get("canaryTrafficPercent")
    match wish:
        case Deploy() if percent is None:
            return _start(seen, wish)
        case Deploy() if wish.version != seen.version:
            running = f"a rollout of {seen.version} runs at {percent} %"
            return Refused(f"{seen.name}: {running}; end it first: nivesh promote KEY, or nivesh rollback KEY")
        case Deploy() if percent != wish.percent:
            return Refused(f"{seen.name}: {seen.version} has {percent} % already; change it: nivesh traffic KEY P")
        case Traffic() if percent is None:
            return Refused(f"{seen.name} has no canary; start one: nivesh deploy KEY --version V --canary 10")
        case Traffic() if percent != wish.percent:
            return _shift(seen, percent, wish.percent)
        case Deploy() | Traffic():
            return (
                _unready(seen) or _unrouted(seen, percent) or Done(f"{seen.version} gets {percent} % of the requests")
            )
        case Promote():
            return _promote(seen, percent)
        case Rollback():
            return _rollback(seen, percent, wish.reason)


def stable_version(seen: Observed) -> str:
    """The version beside the canary; empty where a manifest of the user's own began the rollout."""
    return version_of({"model": {"storageUri": _stable_uri(seen)}})


def share(seen: Observed) -> int:
    """Percent of the requests that the newest revision gets."""
    newest = seen.revisions.get("latestCreatedRevisionName")
    return sum(
        one.get("percent") or 0
        for one in seen.revisions.get("traffic", ())
        if one.get("latestRevision") or one.get("revisionName") == newest
    )


def _stable_uri(seen: Observed) -> str:
    return (seen.predictor.get("annotations") or {}).get(KEPT["storageUri"], "")


def _start(seen: Observed, wish: Deploy) -> Action:
    if wish.version == seen.version:
        return Refused(f"{seen.name} serves {wish.version} already, to everybody")
    uri = seen.predictor["model"]["storageUri"].rstrip("/")
    predictor = {
        "canaryTrafficPercent": wish.percent,
        "annotations": {KEPT["storageUri"]: uri},
        "model": {"storageUri": uri.rpartition("/")[0] + "/" + wish.version},
    }
    message = f"canary {wish.version} starts beside {seen.version} with {wish.percent} % of the requests"
    return _patch(predictor, "CanaryStarted", message, wish.version, f"canary {wish.percent} %")


def _shift(seen: Observed, before: int, percent: int) -> Action:
    if percent > before and (unready := _unready(seen)):
        return unready
    message = f"canary {seen.version} goes from {before} % to {percent} % of the requests"
    return _patch({"canaryTrafficPercent": percent}, "TrafficShifted", message, seen.version, f"canary {percent} %")


def _promote(seen: Observed, percent: int | None) -> Action:
    if waiting := _unready(seen):
        return waiting
    if percent is None:
        return _unrouted(seen, 100) or Done(f"{seen.version} gets all requests; no canary runs")
    return _patch({"canaryTrafficPercent": None}, "Promoted", f"{seen.version} is stable", seen.version, "stable")


def _rollback(seen: Observed, percent: int | None, reason: str) -> Action:
    """To 0 %, then the stable bundle as a new revision at 0 %, and when that is ready everything to it.

    Without the field Knative would send everything to the newest revision that is ready: the bad one, so the field
    goes last.
    """
    if percent is None:
        return _unready(seen) or _unrouted(seen, 100) or Done(f"{seen.version} gets all requests; no canary runs")
    stable = _stable_uri(seen)
    if percent:
        message = f"canary {seen.version} goes from {percent} % to 0 %: {reason}"
        return _patch({"canaryTrafficPercent": 0}, "RollbackStarted", message, seen.version, f"rolled back: {reason}")
    if waiting := _untaken(seen) or _unrouted(seen, 0):
        return waiting
    if not stable:
        return Done(f"{seen.version} gets no requests; put the stable storageUri back into its manifest")
    if seen.predictor["model"]["storageUri"].rstrip("/") != stable:
        message = f"{stable_version(seen)} comes back in place of {seen.version}: {reason}"
        return _patch({"model": {"storageUri": stable}}, "RolledBack", message)
    return _unready(seen) or _patch({"canaryTrafficPercent": None}, "RolledBack", f"{seen.version} serves everybody")


def _untaken(seen: Observed) -> Wait | None:
    return None if seen.current else Wait("KServe to take up the change")


def _unready(seen: Observed) -> Wait | None:
    revisions = seen.revisions
    if not seen.current:
        return _untaken(seen)
    if revisions.get("latestReadyRevisionName") == revisions.get("latestCreatedRevisionName"):
        return None
    return Wait(f"revision {revisions.get('latestCreatedRevisionName')} of {seen.version} to be ready")


def _unrouted(seen: Observed, percent: int) -> Wait | None:
    if share(seen) == percent:
        return None
    return Wait(f"Knative to give {seen.version} {percent} %, it shows {share(seen)} %")


def _patch(predictor: dict[str, Any], event: str, message: str, version: str = "", tag: str = "") -> Patch:
    return Patch({"spec": {"predictor": predictor}}, event, message, version, tag)
