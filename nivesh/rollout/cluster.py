"""The one module that talks to Kubernetes: reads what a rollout is decided on, applies patches, records decisions."""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import urllib3
import yaml
from kubernetes import client, config

from nivesh.errors import ClusterError, ModelNotFound, NiveshError, RolloutFailed, RolloutRefused
from nivesh.rollout import Observed, Wish, decide
from nivesh.rollout.actions import Deploy, Done, Failed, Patch, Promote, Refused, Rollback, Traffic, Wait
from nivesh.rollout.observed import KNATIVE, mode_of, observe
from nivesh.settings import settings

GROUP = "serving.kserve.io/v1beta1"
LOOK_EVERY_SECONDS = 0.5
REQUEST_SECONDS = 10
CONFLICT = 409
# What one wish does at most once: a second time says that the first was undone. A rollback insists.
ONCE = {"CanaryStarted", "TrafficShifted", "Promoted"}
NAMESPACE = "nivesh"  # that of manifests/


class _Answer(Exception):
    """Kubernetes refused a request."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Cluster:
    """The InferenceServices of one namespace; without one, that of the kubeconfig's context, or ``nivesh``.

    Raises:
        ClusterError: no cluster is configured, none answers, or it refuses.
    """

    def __init__(self, namespace: str | None = None):
        named = os.environ.get("KUBECONFIG")
        try:
            config.load_kube_config(named) if named else config.load_config()
            self.namespace = namespace or _context_namespace(named)
        except (config.ConfigException, yaml.YAMLError, TypeError) as error:  # TypeError: a file of another kind
            raise ClusterError(f"no cluster is configured ({error}); set KUBECONFIG") from None
        self.api = client.ApiClient()

    def names(self) -> list[str]:
        """All InferenceServices of the namespace."""
        found = self._get(self._services())
        return [one["metadata"]["name"] for one in found["items"]]

    def read(self, name: str) -> tuple[Observed, dict]:
        """What is to be known of an InferenceService, and the object itself.

        Raises:
            ModelNotFound: there is no InferenceService of this name.
        """
        label = {"labelSelector": f"serving.kserve.io/inferenceservice={name}"}
        routes = f"/apis/gateway.networking.k8s.io/v1/namespaces/{self.namespace}/httproutes/{name}"
        try:
            service, headers = self._call("GET", f"{self._services()}/{name}")
        except _Answer as answer:
            if answer.status != 404:
                raise ClusterError(str(answer)) from None
            missing = f"namespace {self.namespace} has no InferenceService {name}"
            raise ModelNotFound(f"{missing}; kubectl apply -k manifests/ makes it, --namespace names another") from None
        deployments = self._get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments", label)["items"]
        pods = self._get(f"/api/v1/namespaces/{self.namespace}/pods", label)["items"]
        for pod in pods:
            self._add_last_words(pod)
        route, knative = self._get(routes, missing_is_none=True), None
        if mode_of(service) == KNATIVE:
            services = f"/apis/serving.knative.dev/v1/namespaces/{self.namespace}/services"
            knative = self._get(f"{services}/{name}-predictor", missing_is_none=True)
        return observe(service, route, deployments, pods, parsedate_to_datetime(headers["Date"]), knative), service

    def patch(self, service: dict, body: dict) -> bool:
        """Merge a change into the object as it was read; False where somebody else changed it meanwhile."""
        metadata = service["metadata"]
        body = body | {"metadata": {"resourceVersion": metadata["resourceVersion"]}}
        path, strict = f"{self._services()}/{metadata['name']}", {"fieldValidation": "Strict"}
        try:  # a KServe without canaries must refuse one, not keep the rest of the change
            self._call("PATCH", path, body, "application/merge-patch+json", strict)
        except _Answer as answer:
            if answer.status == CONFLICT:
                return False
            raise ClusterError(str(answer)) from None
        return True

    def record(self, service: dict, reason: str, message: str, kind: str = "Normal") -> None:
        """An event on the InferenceService; kubectl describe shows it. Who may not write events rolls out without."""
        metadata, now = service["metadata"], datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        about = {"apiVersion": GROUP, "kind": "InferenceService", "namespace": self.namespace}
        event = {
            "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": self.namespace},
            "involvedObject": about | {key: metadata[key] for key in ("name", "uid", "resourceVersion")},
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "nivesh"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        with contextlib.suppress(_Answer):
            self._call("POST", f"/api/v1/namespaces/{self.namespace}/events", event)

    def pods(self, label: str) -> list[dict]:
        """The pods with a label, oldest first."""
        found = self._get(f"/api/v1/namespaces/{self.namespace}/pods", {"labelSelector": label})["items"]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def log(self, pod: dict, container: str) -> str:
        """What a container has said so far; empty where it has not begun."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/log"
        try:
            return self._call("GET", path, query={"container": container}, text=True)[0]
        except _Answer:
            return ""

    def _services(self) -> str:
        return f"/apis/{GROUP}/namespaces/{self.namespace}/inferenceservices"

    def _add_last_words(self, pod: dict) -> None:
        """Complete containers that ended badly with the end of their log, where Kubernetes has not kept it."""
        status, metadata = pod.get("status", {}), pod["metadata"]
        for one in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
            before = one.get("lastState", {}).get("terminated")
            ended = one.get("state", {}).get("terminated") or before or {}
            if ended.get("exitCode") and not ended.get("message"):
                query = {"container": one["name"], "tailLines": 5, "previous": str(ended is before).lower()}
                path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
                with contextlib.suppress(_Answer):  # the log went with its container
                    ended["message"] = self._call("GET", path, query=query, text=True)[0]

    def _get(self, path: str, query: dict | None = None, missing_is_none: bool = False) -> Any:
        try:
            return self._call("GET", path, query=query)[0]
        except _Answer as answer:
            if answer.status == 404 and missing_is_none:
                return None
            raise ClusterError(str(answer)) from None

    def _call(
        self,
        method: str,
        path: str,
        body: dict | None = None,
        content_type: str = "application/json",
        query: dict | None = None,
        text: bool = False,
    ) -> tuple[Any, dict]:
        """One request to the API server: (its answer, its headers)."""
        try:
            response, _, headers = self.api.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json, */*", "Content-Type": content_type},
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=REQUEST_SECONDS,
            )
        except client.ApiException as error:
            raise _Answer(error.status, _message(error)) from None
        except urllib3.exceptions.HTTPError as error:
            host = self.api.configuration.host
            raise ClusterError(f"the cluster at {host} does not answer ({type(error).__name__})") from None
        return (response.data.decode(errors="replace") if text else json.loads(response.data)), headers


def follow(
    cluster: Cluster, name: str, wish: Wish, timeout: float, tell: Callable[[float, str], None], key: str = ""
) -> str:
    """Decide, do and wait until the wish is fulfilled; gives the sentence that says so.

    Args:
        timeout: seconds for all of it.
        tell: gets (spent part of the time, what is done or waited for).
        key: the model in MLflow, whose version gets a tag with each decision.

    Raises:
        RolloutRefused: the wish does not fit what runs.
        RolloutFailed: the canary does not start.
        ClusterError: the time is over, or the cluster does not do as told.
    """
    started, done = time.monotonic(), set()
    while True:
        seen, service = cluster.read(name)
        if (
            isinstance(wish, Promote | Rollback)
            and not wish.version
            and seen.canary
            and seen.canary.version != seen.version
        ):
            wish = replace(wish, version=seen.canary.version)
        spent = time.monotonic() - started
        match decide(seen, wish):
            case Done(message):
                if not isinstance(wish, Deploy | Traffic):
                    _crown(key, seen.version)
                return message
            case Refused(reason):
                raise RolloutRefused(reason)
            case Failed(reason, version):
                cluster.record(service, "CanaryFailed", reason, "Warning")
                _tag(key, version, "failed", reason)
                raise RolloutFailed(f"{reason}. Stable serves on; take it away: nivesh rollback KEY --reason ...")
            case Patch(message=what) | Wait(what) if spent > timeout:
                raise ClusterError(f"gave up after {timeout:.0f} s before: {what}; call again to go on")
            case Patch() as patch:
                if patch.event in ONCE & done:
                    why = "somebody else changes it at the same time, or KServe is too old to keep it"
                    raise ClusterError(f"{name}: stopped before: {patch.message}, for the second time; {why}")
                if cluster.patch(service, patch.body):
                    done.add(patch.event)
                    cluster.record(service, patch.event, patch.message)
                    _tag(key, patch.version, "rollout", patch.tag)
                    tell(spent / timeout, patch.message)
            case Wait(what):
                tell(spent / timeout, f"waits for {what}")
        time.sleep(LOOK_EVERY_SECONDS)


def _tag(key: str, version: str, name: str, value: str) -> None:
    """Write a decision to the version in MLflow, where a registry can be reached that knows the version."""
    if not (key and version and value and _registry_answers()):
        return
    from nivesh.registry import model_registry

    with contextlib.suppress(NiveshError):
        model_registry.client().set_model_version_tag(key, model_registry.find(key, version).version, name, value)


def _crown(key: str, version: str) -> None:
    """What all requests go to is the champion in MLflow, where a registry can be reached that knows the version."""
    if not (key and _registry_answers()):
        return
    from nivesh.registry import model_registry

    with contextlib.suppress(NiveshError):
        champion = model_registry.by_alias(key, model_registry.CHAMPION)
        if champion is None or model_registry.label(champion) != version:
            model_registry.serve(key, version)


def _registry_answers() -> bool:
    """MLflow's client tries an absent server for minutes: ask for its health first."""
    if not settings().tracking_uri.startswith("http"):
        return bool(settings().tracking_uri) or (settings().home / "mlflow.db").exists()
    try:
        return httpx.get(f"{settings().tracking_uri}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False


def _context_namespace(kubeconfig: str | None) -> str:
    with contextlib.suppress(config.ConfigException):  # inside a cluster there is none
        return config.list_kube_config_contexts(kubeconfig)[1]["context"].get("namespace", NAMESPACE)
    return NAMESPACE


def _message(error: client.ApiException) -> str:
    """What the API server or a webhook says, in its own words, without the whole object that it may quote."""
    try:
        return json.loads(error.body)["message"].rpartition('": strict decoding error: ')[2]
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
