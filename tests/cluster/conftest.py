"""The models on a real cluster: images built, bundles published, manifests applied, once for all tests.

A cluster is changed by these tests, so none is taken that was not named: NIVESH_TEST_KUBECONFIG is its kubeconfig.
NIVESH_TEST_HOME may name a NIVESH_HOME with a champion of every model; without it they are trained on few rows.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from nivesh import models
from nivesh.registry import bundle, storage
from nivesh.store.materialization import materialize
from tests.cluster import platform
from tests.conformance.conftest import google, train  # noqa: F401 - the fixtures of the models on few rows

ROOT = Path(__file__).parents[2]
# What builds an image and brings it to the cluster's nodes: IMAGE_TOOL build -t NAME [options of docker build] FOLDER.
IMAGE_TOOL = Path(os.environ.get("NIVESH_TEST_IMAGE_TOOL", ROOT / "../shared/cluster/image")).resolve()
GATEWAY = os.environ.get("NIVESH_TEST_GATEWAY", "http://127.0.0.1:8080")
# Those that start without an account elsewhere.
KEYS = [key for key in models.keys() if not models.get(key).spec.needs]
NAMESPACE, HOST, API_KEY = "nivesh", "nivesh.example.com", "nivesh-local-key"
S3 = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
    "AWS_ACCESS_KEY_ID": "minio",
    "AWS_SECRET_ACCESS_KEY": "minio123",
    "AWS_REGION": "us-east-1",
}
REDIS_PASSWORD = "nivesh-local"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time for the first test to build the images, which no other folder's tests need."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(2400))


@dataclass(frozen=True)
class Cluster:
    """The applied models. ``home`` holds their bundles, ``store`` is where these were published."""

    kubeconfig: str
    home: Path
    store: str

    def kubectl(self, *arguments: str, input: str | None = None, namespace: str = NAMESPACE) -> str:
        """The output of a kubectl command; AssertionError with its words where it fails."""
        return kubectl(self.kubeconfig, "-n", namespace, *arguments, input=input)

    def get(self, kind: str, *names: str) -> Any:
        """Objects of a kind as JSON."""
        return json.loads(self.kubectl("get", kind, *names, "-o", "json"))

    def pods(self, name: str) -> list[dict]:
        """The pods of an InferenceService that are not about to go."""
        found = self.get("pods", "-l", f"serving.kserve.io/inferenceservice={name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ask(self, path: str, body: dict | None = None, host: str = HOST, key: str | None = API_KEY) -> httpx.Response:
        """A request to the gateway, a POST where there is a body."""
        headers = {"Host": host} | ({"X-API-Key": key} if key else {})
        return httpx.request("POST" if body else "GET", GATEWAY + path, json=body, headers=headers, timeout=60)

    def release(self, key: str, version: str) -> str:
        """Publish the bundle of a model under another version; returns its address."""
        return storage.publish(repacked(self.home / "bundles", key, version))

    def until(self, what: str, check: Callable[[], Any], seconds: float = 180) -> Any:
        """Wait until check() is true and return what it gives; AssertionError that says what was waited for."""
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, f"gave up waiting for {what}\n{self.kubectl('get', 'pods,isvc')}"
            time.sleep(0.5)
        return found


def kubectl(kubeconfig: str, *arguments: str, input: str | None = None) -> str:
    command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
    end = time.monotonic() + 120
    while True:
        done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=300)
        # A cluster that was just started again says that KServe is ready before its webhook answers.
        unready = "failed calling webhook" in done.stderr and "connection refused" in done.stderr
        if not unready or time.monotonic() > end:
            break
        time.sleep(2)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def repacked(bundles: Path, key: str, version: str) -> Path:
    """The same model under another version, beside the one that there is."""
    source = next(path for path in sorted((bundles / key).iterdir()) if path.name == "1.0.0")
    manifest = json.loads((source / bundle.MANIFEST).read_text())
    return bundle.pack(source / "model", bundle.Manifest(**manifest | {"version": version, "files": {}}), bundles)


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[str]:
    """The cluster that was named, for this session alone; tests are skipped where there is none."""
    named = os.environ.get("NIVESH_TEST_KUBECONFIG")
    if not named:
        pytest.skip("no cluster to test on: NIVESH_TEST_KUBECONFIG names no kubeconfig")
    for program in ("kubectl", "helm"):
        if not shutil.which(program):
            pytest.skip(f"no cluster to test on: there is no {program} in PATH")
    command = ["kubectl", "--kubeconfig", named, "get", "crd", "inferenceservices.serving.kserve.io"]
    if (found := subprocess.run(command, capture_output=True, text=True)).returncode:
        pytest.skip(f"no cluster to test on: {named}: {found.stderr.strip()}")
    with (Path(tempfile.gettempdir()) / "nivesh-cluster-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield named


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, request) -> Path:
    """A NIVESH_HOME with bundle 1.0.0 of every model: a copy of the given one, or made on few rows."""
    home = tmp_path_factory.mktemp("cluster")
    if given := os.environ.get("NIVESH_TEST_HOME"):
        shutil.copytree(Path(given) / "bundles", home / "bundles")
        return home
    once = request.getfixturevalue("train")
    for key in KEYS:
        made = once(key)
        schema = made.module.Request.model_json_schema()
        manifest = bundle.Manifest(key, "1.0.0", "2025-01-01T00:00:00+00:00", made.metrics, [], schema, {})
        bundle.pack(made.folder, manifest, home / "bundles")
    return home


@pytest.fixture(scope="session")
def cluster(kubeconfig, trained_home) -> Iterator[Cluster]:
    """All models applied and ready, their bundles published, the sample's users in Redis."""
    digest = build_images(kubeconfig)
    manifests = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(trained_home.rglob(bundle.MANIFEST))))
    store = f"s3://models/{manifests.hexdigest()[:12]}"  # what was published never changes; other models, other place
    with pytest.MonkeyPatch.context() as environment:
        for name, value in S3.items():
            if name not in os.environ:
                environment.setenv(name, value)
        environment.setenv("NIVESH_HOME", str(trained_home))
        environment.setenv("NIVESH_BUNDLE_STORE", store)
        for key in KEYS:
            storage.publish(trained_home / "bundles" / key / "1.0.0")
        rendered = kubectl(kubeconfig, "kustomize", str(ROOT / "manifests")).replace("s3://models", store)
        objects = list(yaml.safe_load_all(rendered))
        for runtime in (one for one in objects if one["kind"] == "ServingRuntime"):
            runtime["spec"]["annotations"]["sources"] = digest  # pods of other sources are replaced
        kubectl(kubeconfig, "apply", "-f", str(ROOT / "manifests/base/namespace.yaml"))
        platform.install(kubeconfig, NAMESPACE, platform.ONLY_MODELS | {"gateway": {"enabled": True}}, "--timeout=3m")
        kubectl(kubeconfig, "apply", "-f", "-", input=yaml.safe_dump_all(objects))
        ready = Cluster(kubeconfig, trained_home, store)
        ready.kubectl("rollout", "status", "deployment/redis", "--timeout=120s")
        for name in (key.replace("_", "-") for key in KEYS):
            ready.until(f"all pods of {name} to be new and ready", partial(settled, ready, name, digest))
        with forwarded(kubeconfig, "service/redis", 6379) as port:
            environment.setenv("NIVESH_REDIS_URL", f"redis://:{REDIS_PASSWORD}@127.0.0.1:{port}/0")
            materialize()
            yield ready


def settled(cluster: Cluster, name: str, sources: str) -> bool:
    """Whether an InferenceService is ready, and all its pods are ready, of these sources and of this store.

    Its observedGeneration is of no use: KServe copies that of the Deployment.
    """
    conditions = cluster.get("isvc", name).get("status", {}).get("conditions", [])
    if ("Ready", "True") not in [(condition["type"], condition["status"]) for condition in conditions]:
        return False
    pods = cluster.pods(name)
    kept = [pod["metadata"]["annotations"] for pod in pods]
    return (
        bool(pods)
        and all(one.get("sources") == sources for one in kept)
        and all(
            one["internal.serving.kserve.io/storage-initializer-sourceuri"].startswith(cluster.store) for one in kept
        )
        and all(
            container["ready"] for pod in pods for container in pod["status"].get("containerStatuses", [{"ready": 0}])
        )
    )


def build_images(kubeconfig: str) -> str:
    """Build the images and bring them to the cluster, unless it has those of these sources; returns their digest."""
    digest = hashlib.sha256((ROOT / "Dockerfile").read_bytes())
    for folder, pattern in (("requirements/locks", "serving-*.txt"), ("nivesh", "*"), ("predictors", "*.py")):
        for path in sorted(path for path in (ROOT / folder).rglob(pattern) if path.is_file() and path.suffix != ".pyc"):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    found = digest.hexdigest()[:12]
    note = ["-n", "default", "configmap", "nivesh-test-images"]
    had = kubectl(kubeconfig, "get", *note, "--ignore-not-found", "-o", "jsonpath={.data.sources}")
    if had != found:
        for family in [*sorted({models.get(key).spec.runtime for key in KEYS}), "redis"]:
            target = ["redis"] if family == "redis" else ["serving", "--build-arg", f"FAMILY={family}"]
            image = ["-t", f"nivesh/{family}:dev", "--target", *target, "-f", str(ROOT / "Dockerfile"), str(ROOT)]
            done = subprocess.run([IMAGE_TOOL, "build", *image], capture_output=True, text=True, timeout=1200)
            assert done.returncode == 0, done.stdout + done.stderr
        kubectl(kubeconfig, "delete", *note, "--ignore-not-found")
        kubectl(kubeconfig, "create", *note, f"--from-literal=sources={found}")
    return found


@contextmanager
def forwarded(kubeconfig: str, target: str, port: int, namespace: str = NAMESPACE) -> Iterator[int]:
    """A local port that leads to a port in the cluster."""
    command = ["kubectl", "--kubeconfig", kubeconfig, "-n", namespace, "port-forward", target, f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line
            yield int(found[1])
        finally:
            process.terminate()
