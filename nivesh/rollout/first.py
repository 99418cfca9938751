"""The first version of a model on a cluster: it becomes the stable one, since there is nothing to run it beside."""

import re

from nivesh.rollout.actions import Action, Done, Patch, Refused, Start, Wait
from nivesh.rollout.observed import Observed

# New pods start at once: those that have waited for a bundle in vain are asked again only after minutes.
STARTED = "rollout.nivesh.io/first"


def decide(seen: Observed, wish: Start) -> Action:
    """The next step, in either mode."""
    if seen.canaries:
        return Refused(f"{seen.name} has a canary; end it first: nivesh promote KEY, or nivesh rollback KEY")
    predictor, ready = seen.predictor, seen.conditions.get("Ready") == "True"
    if seen.version == wish.version and ready:
        return Done(f"{wish.version} is served, to everybody")
    started = (predictor.get("annotations") or {}).get(STARTED)
    # Of two trainings at once the later wins, and they do not fight.
    if started and _order(started) > _order(wish.version):
        return Refused(f"{seen.name} starts with {started}, which was registered later than {wish.version}")
    if started != wish.version:
        changed = {"annotations": {STARTED: wish.version}, "model": {"storageUri": wish.uri}}
        said = f"{wish.version} is the first version that is served"
        return Patch({"spec": {"predictor": changed}}, "FirstVersion", said, wish.version, "stable")
    problem = seen.stable.problem
    return Wait(f"{wish.version} to be ready" + (f" (pod {problem.name}: {problem.problem})" if problem else ""))


def _order(version: str) -> list[int]:
    """1.10.0 comes after 1.9.0."""
    return [int(number) for number in re.findall(r"\d+", version)]
