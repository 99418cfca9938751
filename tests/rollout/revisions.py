"""A small stand-in for KServe's Knative mode: revisions, of which the newest gets ``canaryTrafficPercent``."""

import copy

from nivesh.rollout import Observed
from nivesh.rollout.observed import observe
from tests.rollout.controller import START, inference_service, merge

SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"


class KnativeController:
    """One thing happens at each tick: KServe writes the Knative Service, a revision gets ready, traffic moves."""

    def __init__(self, broken: tuple[str, ...] = ()):
        self.service, self.broken = copy.deepcopy(inference_service()), broken
        self.service["status"] = {"deploymentMode": "Knative"}
        self.made, self.generation, self.observed = None, 0, 0
        self.revisions: list[str] = []  # the version of each
        self.ready, self.traffic, self.rolled_out, self.before = -1, {}, -1, -1
        for _ in range(5):
            self.tick()

    def patch(self, body: dict) -> None:
        self.service["spec"] = merge(self.service["spec"], body["spec"])

    def tick(self) -> None:
        predictor = self.service["spec"]["predictor"]
        wanted = (predictor["model"]["storageUri"], predictor.get("canaryTrafficPercent", 100))
        if self.made != wanted:
            if self.made is None or self.made[0] != wanted[0]:
                self.revisions.append(wanted[0].rpartition("/")[2])
            self.made, self.generation = wanted, self.generation + 1
            return
        newest = len(self.revisions) - 1
        if self.ready < newest and self.revisions[newest] not in self.broken:
            self.ready = newest
        elif self.observed < self.generation:
            self.observed = self.generation
        share = self.made[1]
        if share == 100:  # Knative sends to the newest revision that is ready
            self.traffic = {self.ready: 100}
            if self.ready == newest != self.rolled_out:
                self.before, self.rolled_out = self.rolled_out, newest
        elif self.rolled_out == newest:  # at 100 % it became the one to go back to; KServe remembers the one before
            self.traffic, self.rolled_out = {newest: 100}, self.before
        elif self.ready == newest:
            self.traffic = {newest: share, self.rolled_out: 100 - share}
        else:
            self.traffic = {self.rolled_out: 100}

    def observe(self) -> Observed:
        names = [f"iris-predictor-{number:05}" for number in range(len(self.revisions))]
        knative = {
            "metadata": {"generation": self.generation},
            "spec": {
                "template": {"metadata": {"annotations": {SOURCE: self.made[0]}}},
                "traffic": [{"latestRevision": True, "percent": self.made[1]}],
            },
            "status": {
                "observedGeneration": self.observed,
                "latestCreatedRevisionName": names[-1],
                "latestReadyRevisionName": names[self.ready],
                "traffic": [{"revisionName": names[one], "percent": share} for one, share in self.traffic.items()],
            },
        }
        return observe(self.service, None, [], [], START, knative)

    def serving(self) -> dict[str, int]:
        """Percent by version that gets any."""
        return {self.revisions[one]: share for one, share in self.traffic.items() if share}
