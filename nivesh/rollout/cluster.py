"""The only module that talks to Kubernetes: reads rollout states, applies patches, writes events, reads logs."""

import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError

from nivesh.errors import ClusterError, ClusterUnavailable, ModelNotFound
from nivesh.rollout.state import RolloutState, parse_state

NAMESPACE = "nivesh"  # the namespace of manifests/
REQUEST_SECONDS = 10
INFERENCE_SERVICE = "serving.kserve.io/v1beta1", "InferenceService"
HTTP_ROUTE = "gateway.networking.k8s.io/v1", "HTTPRoute"
GATEWAY = "gateway.networking.k8s.io/v1", "Gateway"
DEPLOYMENT, POD, EVENT = ("apps/v1", "Deployment"), ("v1", "Pod"), ("v1", "Event")
NOT_FOUND, CONFLICT = 404, 409
UNKNOWN_KIND = 0  # no HTTP status: found out by discovery
# An overloaded or restarting API server; 500 is also its answer where a webhook cannot be reached.
TRANSIENT = {408, 429, 500, 502, 503, 504}


class ApiError(ClusterError):
    """The API server refused a request with this HTTP ``status``, or has no such kind of object (UNKNOWN_KIND)."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Cluster:
    """The InferenceServices of one namespace, by kubeconfig or by a pod's service account.

    Args:
        namespace: without it that of the kubeconfig's context, or ``nivesh``.
        request_seconds: for the answer to one request.
        retries: of a request whose connection failed; None takes urllib3's own number.

    Raises:
        ClusterError: no cluster is configured. Methods raise it too where the cluster refuses a request, and its
            subclass ClusterUnavailable where it does not answer.
    """

    def __init__(
        self, namespace: str | None = None, request_seconds: float = REQUEST_SECONDS, retries: int | None = None
    ):
        kubeconfig = os.environ.get("KUBECONFIG")
        try:
            config.load_kube_config(kubeconfig) if kubeconfig else config.load_config()
            self.namespace = namespace or _context_namespace(kubeconfig)
        except (config.ConfigException, yaml.YAMLError, TypeError) as error:  # TypeError: YAML that is no kubeconfig
            raise ClusterError(f"no cluster is configured ({error}); set KUBECONFIG") from None
        self._request_seconds = request_seconds
        configuration = client.Configuration.get_default_copy()
        configuration.retries = retries
        self._api = client.ApiClient(configuration)

    def version(self) -> str:
        """The API server's version, such as v1.34.4."""
        with _translate_errors(self._api.configuration.host):
            return str(client.VersionApi(self._api).get_code(_request_timeout=self._request_seconds).git_version)

    def names(self) -> list[str]:
        """The names of all InferenceServices of the namespace."""
        return [service["metadata"]["name"] for service in self._list(INFERENCE_SERVICE)]

    def read(self, name: str) -> tuple[RolloutState, dict[str, Any]]:
        """The state of a model's rollout, and the InferenceService that a patch refers to.

        Raises:
            ModelNotFound: there is no InferenceService of this name.
        """
        try:
            response = self._request(INFERENCE_SERVICE, "get", name=name)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            raise ModelNotFound(
                f"namespace {self.namespace} has no InferenceService {name}; kubectl apply -k manifests/ creates it, "
                "--namespace names another namespace"
            ) from None
        service = json.loads(response.data)
        label = f"serving.kserve.io/inferenceservice={name}"
        deployments, pods = self._list(DEPLOYMENT, label), self._list(POD, label)
        for pod in pods:
            self._attach_log_tail(pod)
        now = parsedate_to_datetime(response.headers["Date"])
        return parse_state(service, self._optional(HTTP_ROUTE, name), deployments, pods, now), service

    def gateway(self, name: str) -> dict[str, Any] | None:
        """A Gateway of the namespace, or None where there is none."""
        return self._optional(GATEWAY, name)

    def patch(self, service: dict[str, Any], body: dict[str, Any]) -> bool:
        """Merge a change into the object as it was read; False where it has changed since."""
        metadata = service["metadata"]
        body = body | {"metadata": {"resourceVersion": metadata["resourceVersion"]}}
        try:
            self._request(
                INFERENCE_SERVICE,
                "patch",
                body=body,
                name=metadata["name"],
                content_type="application/merge-patch+json",
                # A KServe without canaries must refuse the field, not drop it and keep the rest of the change.
                query_params=[("fieldValidation", "Strict")],
            )
        except ApiError as error:
            if error.status == CONFLICT:
                return False
            raise
        return True

    def record(self, service: dict[str, Any], reason: str, message: str, kind: str = "Normal") -> None:
        """Write an event about the InferenceService (kubectl describe shows it), where that is permitted."""
        metadata, now = service["metadata"], datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        version, resource = INFERENCE_SERVICE
        involved = {"apiVersion": version, "kind": resource, "namespace": self.namespace}
        event = {
            "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": self.namespace},
            "involvedObject": involved | {key: metadata[key] for key in ("name", "uid", "resourceVersion")},
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "nivesh"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        with contextlib.suppress(ClusterError):
            self._request(EVENT, "create", body=event)

    def pods(self, label: str) -> list[dict[str, Any]]:
        """The pods with a label, oldest first."""
        return sorted(self._list(POD, label), key=lambda pod: pod["metadata"]["creationTimestamp"])

    def log(self, pod: dict[str, Any], container: str, **options: Any) -> str:
        """A container's log so far, "" where there is none; ``options`` are those of read_namespaced_pod_log."""
        try:
            with _translate_errors(self._api.configuration.host):
                response = client.CoreV1Api(self._api).read_namespaced_pod_log(
                    pod["metadata"]["name"],
                    self.namespace,
                    container=container,
                    _preload_content=False,
                    _request_timeout=self._request_seconds,
                    **options,
                )
        except ApiError:
            return ""
        return str(response.data.decode(errors="replace"))

    def _attach_log_tail(self, pod: dict[str, Any]) -> None:
        """Where a failed container left no termination message, use the end of its log."""
        status = pod.get("status", {})
        for container in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
            previous = container.get("lastState", {}).get("terminated")
            terminated = container.get("state", {}).get("terminated") or previous or {}
            if terminated.get("exitCode") and not terminated.get("message"):
                terminated["message"] = self.log(pod, container["name"], tail_lines=5, previous=terminated is previous)

    def _optional(self, resource: tuple[str, str], name: str) -> dict[str, Any] | None:
        """An object, or None where there is none or the cluster has no such kind."""
        try:
            return dict(json.loads(self._request(resource, "get", name=name).data))
        except ApiError as error:
            if error.status in (NOT_FOUND, UNKNOWN_KIND):
                return None
            raise

    def _list(self, resource: tuple[str, str], label: str | None = None) -> list[dict[str, Any]]:
        return list(json.loads(self._request(resource, "get", label_selector=label).data)["items"])

    @cached_property
    def _client(self) -> DynamicClient:
        # What it discovers stays in memory; its default is a file of a predictable name in the shared /tmp.
        with tempfile.TemporaryDirectory() as folder:
            return DynamicClient(self._api, cache_file=f"{folder}/discovery.json")

    def _request(self, resource: tuple[str, str], verb: str, **arguments: Any) -> Any:
        """One request to the API server; returns urllib3's response.

        Raises:
            ApiError: it refused, or does not have this kind of object.
            ClusterUnavailable: it did not answer.
        """
        version, kind = resource
        with _translate_errors(self._api.configuration.host):
            try:
                api = self._client.resources.get(api_version=version, kind=kind)
            except ResourceNotFoundError:
                host = self._api.configuration.host
                message = f"the cluster at {host} does not have {kind} of {version}; is it installed?"
                raise ApiError(UNKNOWN_KIND, message) from None
            arguments |= {"namespace": self.namespace, "serialize": False, "_request_timeout": self._request_seconds}
            return getattr(api, verb)(**arguments)


@contextlib.contextmanager
def _translate_errors(host: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        status = error.status or 0
        if status in TRANSIENT:
            raise ClusterUnavailable(f"the cluster at {host} answers {_message(error)}") from None
        raise ApiError(status, _message(error)) from None
    except urllib3.exceptions.HTTPError as error:
        raise ClusterUnavailable(f"the cluster at {host} does not answer ({type(error).__name__})") from None


def _message(error: ApiException) -> str:
    """The API server's or webhook's own message, without the whole object that it may quote."""
    try:
        return str(json.loads(error.body)["message"]).rpartition('": strict decoding error: ')[2]
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"


def _context_namespace(kubeconfig: str | None) -> str:
    with contextlib.suppress(config.ConfigException):  # in a pod there is no context
        return str(config.list_kube_config_contexts(kubeconfig)[1]["context"].get("namespace", NAMESPACE))
    return NAMESPACE
