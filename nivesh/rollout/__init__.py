"""Canary rollouts by traffic percentage, decided purely: what is seen and what is wished -> what to do next.

Nothing is remembered between two decisions. All state stands in the InferenceService and in what its controller made
of it, so a rollout may be interrupted anywhere and called again, from any machine.
"""

import re

from nivesh.rollout import first, knative, standard
from nivesh.rollout.actions import Action, Deploy, Refused, Start, Traffic, Wish
from nivesh.rollout.observed import KNATIVE, Observed

VERSION = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}"  # a folder's name in S3, and with "-" for "." in the name of a Service


def decide(seen: Observed, wish: Wish) -> Action:
    """The next step from what is seen towards what is wished."""
    if isinstance(wish, Deploy | Traffic) and not 0 <= wish.percent <= 100:
        return Refused(f"{wish.percent} % of the requests cannot be given; choose 0 to 100")
    if isinstance(wish, Deploy) and not re.fullmatch(VERSION, wish.version):
        return Refused(f"{wish.version!r} is no version; give one such as 1.2.0 or v1.2.3-rc.1")
    if "storageUri" not in seen.predictor.get("model", {}):
        return Refused(f"{seen.name} has no predictor.model with a storageUri; a canary needs both")
    if len(seen.canaries) > 1:
        names = ", ".join(canary.version for canary in seen.canaries)
        return Refused(f"{seen.name} has several canaries ({names}); leave one in its manifest")
    if isinstance(wish, Start):
        return first.decide(seen, wish)
    return (knative if seen.mode == KNATIVE else standard).decide(seen, wish)
