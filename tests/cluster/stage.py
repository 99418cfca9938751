"""A namespace with one small model of our manifests, in several versions, to try rollouts on."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import yaml

from nivesh.rollout.cluster import Cluster
from nivesh.rollout.state import RolloutState
from nivesh.settings import PROJECT
from tests.cluster import platform
from tests.cluster.conftest import S3, build_images, kubectl

KEY, NAME = "intent_classifier", "intent-classifier"
PATH, BODY = "/predict/intent", {"query": "Can I afford a car loan?"}
STABLE, GOOD, BETTER, TAMPERED = "1.0.0", "1.1.0", "1.2.0", "1.3.0"


class Stage:
    """The model ``intent_classifier`` in a namespace of its own, stable in version 1.0.0.

    Args:
        home: holds the model's bundle.
        scratch: a NIVESH_HOME for the commands, with a registry of its own or none.
    """

    def __init__(self, kubeconfig: str, home: Path, namespace: str, scratch: Path):
        self.kubeconfig, self.home, self.namespace, self.scratch = kubeconfig, home, namespace, scratch
        self.prefix = f"tests/{uuid.uuid4().hex[:8]}"
        self.host = f"{NAME}-{namespace}.example.com"
        s3 = boto3.Session(S3["AWS_ACCESS_KEY_ID"], S3["AWS_SECRET_ACCESS_KEY"], region_name=S3["AWS_REGION"])
        self.bucket = s3.resource("s3", endpoint_url=S3["AWS_ENDPOINT_URL"]).Bucket("models")

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        return kubectl(self.kubeconfig, "-n", self.namespace, *arguments, input=input)

    def open(self) -> None:
        for version in (STABLE, GOOD, BETTER):
            self.upload(version)
        self.upload(TAMPERED, tampered=True)
        self.prepare()
        self.install()
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([self.runtime(), self.service()]))
        self.until(lambda state: state.ready, "the stable version to be ready")

    def prepare(self) -> None:
        """The namespace, before the platform is installed in it."""
        self.kubectl("create", "namespace", self.namespace)
        self.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")

    def install(self) -> str:
        """What the model needs of the platform, without the API key and the rate limit."""
        return platform.install(self.kubeconfig, self.namespace, platform.ONLY_MODELS)

    def close(self) -> None:
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")
        self.bucket.objects.filter(Prefix=self.prefix).delete()

    def upload(self, version: str, tampered: bool = False) -> None:
        """The packaged bundle under a version, whose files' sums stay right unless it is tampered."""
        folder = self.home / "bundles" / KEY / STABLE
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                if path.name == "manifest.json":
                    content = json.dumps(json.loads(content) | {"version": version}).encode()
                elif tampered and path.suffix == ".json":
                    content += b" "
                place = f"{self.prefix}/{KEY}/{version}/{path.relative_to(folder).as_posix()}"
                self.bucket.put_object(Key=place, Body=content)

    def document(self, kind: str, name: str) -> dict:
        documents = yaml.safe_load_all(self.kubectl("kustomize", str(PROJECT / "manifests")))
        found = next(one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))
        found["metadata"]["namespace"] = self.namespace
        return dict(found)

    def runtime(self) -> dict:
        """Our manifest of the model's ServingRuntime, in this namespace."""
        return self.document("ServingRuntime", "nivesh-text")

    def service(self) -> dict:
        """Our manifest of the InferenceService, in this namespace and from this bucket."""
        found = self.document("InferenceService", NAME)
        found["spec"]["predictor"]["minReplicas"] = 2
        found["spec"]["predictor"]["model"]["storageUri"] = self.uri(STABLE)
        return found

    def uri(self, version: str) -> str:
        return f"s3://models/{self.prefix}/{KEY}/{version}"

    def state(self) -> RolloutState:
        return Cluster(self.namespace).read(NAME)[0]

    def until(self, holds, what: str, seconds: int = 120) -> RolloutState:
        end = time.monotonic() + seconds
        while not holds(state := self.state()):
            assert time.monotonic() < end, f"waited {seconds} s for {what}: {state}"
            time.sleep(0.5)
        return state

    def start(self, *arguments: str) -> subprocess.Popen:
        """A command of the command line."""
        command = [sys.executable, "-m", "nivesh.cli", *arguments, "--namespace", self.namespace]
        environment = os.environ | {"NIVESH_HOME": str(self.scratch), "KUBECONFIG": self.kubeconfig}
        return subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True, cwd=PROJECT)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Its output, after it ended with this exit code."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=240)
        finally:
            process.kill()
        assert process.returncode == code, f"nivesh {' '.join(arguments)}: {out}{err}"
        return out + err

    def weights(self) -> dict[str, int]:
        """Exactly as they stand in KServe's HTTPRoute, from its only rule."""
        route = json.loads(self.kubectl("get", "httproute", NAME, "-o", "json"))
        (rule,) = route["spec"]["rules"]
        return {one["name"]: one["weight"] for one in rule["backendRefs"]}

    def pods(self, service: str) -> set[str]:
        selector = f"app=isvc.{service}"
        return set(self.kubectl("get", "pods", "-l", selector, "-o", "name").split())

    def events(self) -> set[str]:
        field = f"involvedObject.name={NAME},involvedObject.kind=InferenceService"
        reasons = "jsonpath={.items[*].reason}"
        return set(self.kubectl("get", "events", "--field-selector", field, "-o", reasons).split())


@contextmanager
def opened(kubeconfig: str, home: Path, scratch: Path, name: str) -> Iterator[Stage]:
    """A stage with our images, for as long as it is used."""
    build_images(kubeconfig)
    stage = Stage(kubeconfig, home, f"{name}-{uuid.uuid4().hex[:6]}", scratch)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBECONFIG", kubeconfig)
        try:
            stage.open()
            yield stage
        finally:
            stage.close()
