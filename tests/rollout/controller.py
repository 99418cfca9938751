"""A simulator of KServe's Standard mode and the gateway: slow, one change at a time, strict about lost requests.

What it expects is written here independently of the code under test, from KServe's behaviour on a real cluster.
"""

import copy
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from nivesh.rollout.actions import Patch, Wait
from nivesh.rollout.decisions import next_action
from nivesh.rollout.state import RolloutState, parse_state

START = datetime(2026, 1, 1, tzinfo=UTC)
IN_FLIGHT_SECONDS = 3  # requests of a Service that has left the route may still be answered for so long


def merge(target: dict, patch: dict) -> dict:
    """JSON merge patch."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merge(result[key], value) if both else value
    return result


def with_canary(stable: dict, canary: dict) -> dict:
    """The canary's predictor as KServe builds it: stable's fields, objects merged key by key, all else replaced."""
    return {
        key: with_canary(stable[key], canary[key])
        if isinstance(stable.get(key), dict) and isinstance(canary.get(key), dict)
        else canary.get(key, stable.get(key))
        for key in [*stable, *(key for key in canary if key not in stable)]
    }


def inference_service(replicas: int = 2, **predictor) -> dict:
    return {
        "metadata": {"name": "iris", "generation": 1},
        "spec": {
            "predictor": {
                "minReplicas": replicas,
                "serviceAccountName": "reader",
                "annotations": {"prometheus.io/scrape": "true"},
                "model": {"modelFormat": {"name": "nivesh"}, "storageUri": "s3://models/iris/1.0.0", "env": [{"a": 1}]},
                **predictor,
            }
        },
    }


class Controller:
    """KServe's Standard mode; every tick takes a second.

    Args:
        broken: versions that never become ready.
        size: replicas that serve everybody; a share of the requests needs that share of them.
    """

    def __init__(self, service: dict, broken: tuple[str, ...] = (), size: int = 2):
        self.service, self.broken, self.size = copy.deepcopy(service), broken, size
        self.scaled = 0  # what the autoscaler makes of stable, where that is more than its floor
        self.now, self.changed = START, START
        self.deployments: dict[str, dict] = {}
        self.weights: dict[str, Any] = {}
        self.in_force: dict[str, Any] = {}
        self.last_used: dict[str, Any] = {}
        self.route_generation = self.accepted = 1
        self.templates_started: list[Any] = []
        self.settle()

    def settle(self, seconds: int = 30) -> None:
        for _ in range(seconds):
            self.tick()

    def patch(self, body: dict) -> None:
        before, after = self.service["spec"], merge(self.service["spec"], body["spec"])
        self.admit(before["predictor"], after)
        if after != before:
            self.service["spec"] = after
            self.service["metadata"]["generation"] += 1

    def admit(self, before: dict, spec: dict) -> None:
        """What the webhook refuses."""
        predictor = spec["predictor"]
        if before.get("name") != predictor.get("name"):
            assert before["model"] != predictor["model"], "predictor.name may only change together with the model"
        if predictor.get("maxReplicas"):
            assert predictor["minReplicas"] <= predictor["maxReplicas"], "minReplicas above maxReplicas"
        for entry in spec.get("canary", ()):
            assert entry["predictor"]["name"] != predictor.get("name")
            assert not {"maxReplicas", "scaleTarget"} & entry["predictor"].keys(), "a canary has no autoscaling"

    def name(self, predictor: dict) -> str:
        return f"iris-{predictor['name']}-predictor" if predictor.get("name") else "iris-predictor"

    def wanted(self) -> dict[str, tuple[dict, int]]:
        """Service -> (predictor in full, replicas)."""
        stable = self.service["spec"]["predictor"]
        found, reserved = {}, 0
        for entry in self.service["spec"].get("canary", ()):
            share = math.ceil(stable.get("minReplicas", 1) * entry["trafficPercent"] / 100)
            replicas = entry["predictor"].get("minReplicas", share)
            found[self.name(entry["predictor"])] = (with_canary(stable, entry["predictor"]), replicas)
            reserved += replicas
        return {self.name(stable): (stable, max(1, stable.get("minReplicas", 1) - reserved, self.scaled))} | found

    def tick(self) -> None:
        """One second: the gateway obeys the route, one more pod is ready, then KServe looks again."""
        self.now += timedelta(seconds=1)
        self.gateway()
        for one in self.deployments.values():
            if one["version"] not in self.broken and one["available"] < one["replicas"]:
                one["available"] += 1
            one["available"] = min(one["available"], one["replicas"])
        self.reconcile()
        self.nothing_is_lost()

    def gateway(self) -> None:
        if self.accepted == self.route_generation:
            self.in_force = dict(self.weights)
        self.accepted = self.route_generation
        self.last_used |= {name: self.now for name, weight in self.in_force.items() if weight}

    def reconcile(self) -> None:
        wanted = self.wanted()
        for name in self.deployments.keys() - wanted.keys():
            used = self.last_used.get(name, START)
            assert (self.now - used).total_seconds() >= IN_FLIGHT_SECONDS, f"{name} goes with requests in flight"
            del self.deployments[name]
        for name, (predictor, replicas) in wanted.items():
            template = json.dumps([predictor["model"], predictor["annotations"]], sort_keys=True)
            one = self.deployments.setdefault(name, {"available": 0, "template": template, "replicas": replicas})
            assert one["template"] == template, f"the pods of {name} are restarted"
            one |= {"replicas": replicas, "version": predictor["model"]["storageUri"].rpartition("/")[2]}
        weights = self.split()
        if weights != self.weights:
            self.weights, self.changed = weights, self.now
            self.route_generation += 1
        self.service["status"] = {
            "observedGeneration": 1,  # as KServe does: that of the Deployment
            "canaryStatuses": [
                {"name": one["predictor"]["name"], "trafficPercent": one["trafficPercent"]}
                for one in self.service["spec"].get("canary", ())
            ],
        }

    def split(self) -> dict[str, int]:
        """Only canaries with a ready replica get weight."""
        entries = self.service["spec"].get("canary", ())
        ready = {
            self.name(entry["predictor"]): entry["trafficPercent"]
            for entry in entries
            if self.deployments[self.name(entry["predictor"])]["available"]
        }
        return {self.name(self.service["spec"]["predictor"]): 100 - sum(ready.values()), **ready}

    def nothing_is_lost(self) -> None:
        for name, weight in self.in_force.items():
            if weight:
                assert name in self.deployments, f"{name} has {weight} % and no pods"
                needed = math.ceil(self.size * weight / 100)
                assert self.deployments[name]["available"] >= needed, f"{name} has {weight} % and too few pods"

    def state(self) -> RolloutState:
        deployments, pods = [], []
        for name, one in self.deployments.items():
            labels = {"app": f"isvc.{name}"}
            status = {"availableReplicas": one["available"], "observedGeneration": 1}
            status |= {"replicas": one["replicas"], "updatedReplicas": one["replicas"]}
            spec = {"replicas": one["replicas"], "selector": {"matchLabels": labels}}
            deployments.append({"metadata": {"name": name, "generation": 1}, "spec": spec, "status": status})
            if one["version"] in self.broken:
                state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
                last = {"terminated": {"exitCode": 1, "message": "loading\nBundleError: model.onnx was changed\n"}}
                container = {"name": "kserve-container", "ready": False, "state": state, "lastState": last}
                pods.append({
                    "metadata": {"name": f"{name}-x", "labels": labels},
                    "status": {"containerStatuses": [container]},
                })  # fmt: skip
        route = {
            "metadata": {
                "generation": self.route_generation,
                "managedFields": [
                    {"time": self.changed.isoformat()},
                    {"time": self.now.isoformat(), "subresource": "status"},
                ],
            },
            "spec": {"rules": [{"backendRefs": [{"name": n, "weight": w} for n, w in self.weights.items()]}] * 2},
            "status": {"parents": [{"conditions": [
                {"type": kind, "status": "True", "observedGeneration": self.accepted}
                for kind in ("Accepted", "ResolvedRefs")
            ]}]},
        }  # fmt: skip
        return parse_state(self.service, route, deployments, pods, self.now)


def run(controller, command, decisions: int = 200):
    """Decide and apply, a tick after each, at most so often; returns the last action."""
    action = None
    for _ in range(decisions):
        action = next_action(controller.state(), command)
        if isinstance(action, Patch):
            controller.patch(action.body)
        elif not isinstance(action, Wait):
            return action
        controller.tick()
    return action
