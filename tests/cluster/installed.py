"""The whole chart in a namespace of its own, with a Gateway of its own, one model, and pods that try who reaches what."""

import base64
import json
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster import platform
from tests.cluster.conftest import build_images, forwarded, kubectl
from tests.cluster.load import KEY
from tests.cluster.stage import BODY, PATH, Stage
from tests.cluster.training import build_platform_images
from tests.helm.chart import CHART, LOCAL

PUBLIC = "nivesh.example.com"
PROXIES = "envoy-gateway-system"
HTTP, HTTPS, LOOP = 8090, 8443, 8081
# Tries to connect to each HOST:PORT, to all at once, and says how it went.
KNOCK = """
knock() { timeout 3 bash -c "</dev/tcp/${1%:*}/${1#*:}" 2>/dev/null && echo "$1 open" || echo "$1 shut"; }
for to in "$@"; do knock "$to" & done
wait
"""


class Installed(Stage):
    """A release of helm/nivesh with all that it makes, and the model of Stage served by it."""

    def __init__(self, kubeconfig: str, home: Path, scratch: Path):
        super().__init__(kubeconfig, home, f"chart-{uuid.uuid4().hex[:6]}", scratch)
        self.steps = f"{self.namespace}-steps"  # where pipelines run
        self.gateways = f"{self.namespace}-gateway"
        self.store = f"s3://models/{self.prefix}"

    def values(self) -> dict[str, Any]:
        steps = {"kubernetes.io/metadata.name": self.steps}
        peer = {"namespaceSelector": {"matchLabels": steps}, "podSelector": {"matchLabels": {"app": "prometheus"}}}
        parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "in-pods"}
        api, port = self.api_server()
        storage = {"enabled": True, "storageClass": self.namespace}
        return {
            "s3": {"bundles": self.store},
            "redis": {"password": "", "persistence": storage},
            "mlflow": {
                "users": {"admin": "", "pipelines": "", "readers": ""},
                "database": {"password": "", "persistence": storage},
            },
            "pipelines": {"namespace": self.steps},
            "admission": {"serviceAccounts": [f"{self.steps}:pipeline-runner"]},
            "gateway": {
                "create": True,
                "name": "gateway",
                "namespace": self.gateways,
                "infrastructure": {"parametersRef": parameters},
                "ports": {"http": HTTP, "https": HTTPS},
                "tls": {"enabled": True, "secret": "tls"},
                "loop": {"service": f"{self.namespace}-loop", "port": LOOP},
            },
            "networkPolicies": {
                "prometheus": [peer],
                # Stands in for Google: what every pod could reach.
                "advisor": {"to": [{"ipBlock": {"cidr": f"{api}/32"}}], "port": int(port)},
            },
        }

    def install(self, *options: str) -> str:
        return platform.install(self.kubeconfig, self.namespace, self.values(), "--wait", "--timeout=3m", *options)

    def prepare(self) -> None:
        """What an administrator has: namespaces, a certificate, volumes."""
        super().prepare()
        for namespace in (self.steps, self.gateways):
            self.kubectl("create", "namespace", namespace)
            self.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
        with tempfile.TemporaryDirectory() as folder:
            pair = ["-keyout", f"{folder}/key", "-out", f"{folder}/cert", "-subj", f"/CN={PUBLIC}"]
            names = ["-addext", f"subjectAltName=DNS:{PUBLIC},DNS:*.example.com"]
            command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *pair, *names]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            self.kubectl_in(
                self.gateways, "create", "secret", "tls", "tls", f"--cert={folder}/cert", f"--key={folder}/key"
            )
        objects = yaml.safe_dump_all([*self.volumes(), *self.gateway_parts()])
        kubectl(self.kubeconfig, "apply", "-f", "-", input=objects)

    def volumes(self) -> list[dict]:
        """Volumes on the node, since a test cluster may have nobody who makes them."""
        found = []
        for name, size in (("redis", "2Gi"), ("mlflow-database", "8Gi")):
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": f"{self.namespace}-{name}"},
                    "spec": {
                        "capacity": {"storage": size},
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassName": self.namespace,
                        "persistentVolumeReclaimPolicy": "Retain",
                        "claimRef": {"name": name, "namespace": self.namespace},
                        "hostPath": {"path": str(self.folder(name))},
                    },
                }
            )
        return found

    def folder(self, name: str) -> Path:
        """On this machine, which is the node; the pods are not root."""
        path = self.scratch / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        for parent in (path.parent, self.scratch, *self.scratch.parents[:2]):
            parent.chmod(parent.stat().st_mode | 0o011)
        return path

    def gateway_parts(self) -> list[dict]:
        """Envoy in pods of its own, and our route to the model and a stranger's to the same gateway."""
        proxy = {"envoyService": {"type": "ClusterIP"}}
        proxy["envoyDeployment"] = {"container": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}}  # type: ignore[dict-item]

        def route(name: str, host: str, namespace: str, service: str, port: int) -> dict:
            return {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "parentRefs": [{"name": "gateway", "namespace": self.gateways}],
                    "hostnames": [host],
                    "rules": [{"backendRefs": [{"name": service, "port": port}]}],
                },
            }

        return [
            {
                "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                "kind": "EnvoyProxy",
                "metadata": {"name": "in-pods", "namespace": self.gateways},
                "spec": {"provider": {"type": "Kubernetes", "kubernetes": proxy}},
            },
            route("model", PUBLIC, self.namespace, "nivesh-test-model", 8080),
            route("forgotten", "forgotten.example.com", self.steps, "nobody", 80),
        ]

    def close(self) -> None:
        platform.helm(self.kubeconfig, "uninstall", "nivesh", "-n", self.namespace, "--ignore-not-found")
        super().close()
        self.kubectl("delete", "namespace", self.steps, self.gateways, "--wait=false")
        self.kubectl("delete", "persistentvolume", *(one["metadata"]["name"] for one in self.volumes()), "--wait=false")

    def password(self, secret: str, key: str) -> str:
        return platform.password(self.kubectl, secret, key)

    @contextmanager
    def gateway(self, port: int = HTTPS) -> Iterator[str]:
        """An address of this machine that leads to a listener."""
        service = self.kubectl_in(PROXIES, "get", "service", "-o", "name", "-l", self.proxy_labels()).split()[0]
        with forwarded(self.kubeconfig, service, port, PROXIES) as local:
            yield f"{'https' if port == HTTPS else 'http'}://127.0.0.1:{local}"

    def proxy_labels(self) -> str:
        owner = "gateway.envoyproxy.io/owning-gateway"
        return f"{owner}-name=gateway,{owner}-namespace={self.gateways}"

    def ask(self, address: str, host: str = PUBLIC, key: dict[str, str] | None = KEY) -> httpx.Response:
        """The model's request, by the host's name in TLS too."""
        headers = {"Host": host} | (key or {})
        options: dict[str, Any] = {"extensions": {"sni_hostname": host}, "headers": headers, "json": BODY}
        with httpx.Client(verify=False, timeout=30, trust_env=False) as client:
            return client.post(address + PATH, **options)

    def kubectl_in(self, namespace: str, *arguments: str, input: str | None = None) -> str:
        return self.kubectl("-n", namespace, *arguments, input=input)

    def knock(self, name: str, labels: dict[str, str], targets: list[str], namespace: str | None = None) -> set[str]:
        """Which HOST:PORT a pod with these labels can connect to."""
        there = namespace or self.namespace
        limits = {"cpu": "200m", "memory": "64Mi", "ephemeral-storage": "16Mi"}
        container = {
            "name": "knock",
            "image": "nivesh/redis:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["bash", "-c", KNOCK, "knock", *targets],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": limits},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
        spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
        metadata = {"name": name, "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | {"securityContext": security}}
        self.kubectl_in(there, "apply", "-f", "-", input=json.dumps(pod))
        try:
            self.kubectl_in(there, "wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
            said = dict(line.rsplit(" ", 1) for line in self.kubectl_in(there, "logs", name).splitlines())
        finally:
            self.kubectl_in(there, "delete", "pod", name, "--wait=false")
        assert said.keys() == set(targets)
        return {target for target, how in said.items() if how == "open"}

    def upgrade(self, chart: Path, values: dict[str, Any]) -> None:
        """Another version of the chart, with other values."""
        command = ["upgrade", "nivesh", str(chart), "-n", self.namespace, "-f", str(LOCAL), "-f", "-"]
        platform.helm(self.kubeconfig, *command, "--wait", "--timeout=2m", input=json.dumps(values))

    def limit(self) -> int:
        """Requests of a client in a second, as the gateway has it."""
        found = self.kubectl("get", "backendtrafficpolicy", "nivesh-rate-limit", "-o", "json")
        return int(json.loads(found)["spec"]["rateLimit"]["local"]["rules"][0]["limit"]["requests"])

    def until_answer(self, holds: Callable[[], bool], what: str, seconds: int = 60) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"waited {seconds} s for {what}"
            time.sleep(0.5)

    def deploy_kubeconfig(self) -> Path:
        """The kubeconfig that the chart gives to the pipelines' last step, with the address that this machine has."""
        secret = json.loads(self.kubectl_in(self.steps, "get", "secret", "nivesh-deploy", "-o", "json"))["data"]
        folder = self.scratch / "deploy"
        folder.mkdir(exist_ok=True)
        for name in ("kubeconfig", "token", "ca.crt"):
            (folder / name).write_bytes(base64.b64decode(secret[name]))
        config = yaml.safe_load((folder / "kubeconfig").read_text())
        admin = yaml.safe_load(Path(self.kubeconfig).read_text())
        config["clusters"][0]["cluster"]["server"] = admin["clusters"][0]["cluster"]["server"]
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        return folder / "kubeconfig"

    def api_server(self) -> tuple[str, str]:
        """Its own address and port, which a Service's rules do not show."""
        found = json.loads(self.kubectl_in("default", "get", "endpoints", "kubernetes", "-o", "json"))["subsets"][0]
        return found["addresses"][0]["ip"], str(found["ports"][0]["port"])

    def cluster_ip(self, namespace: str, name: str) -> str:
        """A Service's address."""
        return str(json.loads(self.kubectl_in(namespace, "get", "service", name, "-o", "json"))["spec"]["clusterIP"])

    def address(self, labels: str, namespace: str | None = None) -> str:
        """A pod's."""
        found = self.kubectl_in(namespace or self.namespace, "get", "pods", "-l", labels, "-o", "json")
        return str(json.loads(found)["items"][0]["status"]["podIP"])


@contextmanager
def opened(kubeconfig: str, home: Path, scratch: Path) -> Iterator[Installed]:
    build_images(kubeconfig)
    build_platform_images(kubeconfig)
    installed = Installed(kubeconfig, home, scratch)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBECONFIG", kubeconfig)
        try:
            started = time.monotonic()
            installed.open()
            print(f"installed, with a model, in {time.monotonic() - started:.0f} s from {CHART.name}")
            yield installed
        finally:
            installed.close()
