"""A namespace with MLflow, and with InferenceServices that wait for their first bundle: what a pipeline's run needs."""

import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml

from nivesh import data, models
from nivesh.registry import model_registry
from nivesh.settings import PROJECT
from pipelines.kubeflow import Kubeflow, Run
from tests.cluster import platform
from tests.cluster.conftest import GATEWAY, IMAGE_TOOL, KEYS, S3, build_images, forwarded, kubectl
from tests.cluster.load import KEY
from tests.conformance.conftest import FEW_ROWS, QUICK

KFP = os.environ.get("NIVESH_TEST_KFP", "http://127.0.0.1:8888")
NAMESPACE, BUCKET = "nivesh-training-tests", "mlpipeline"
# The models that are trained here, all of them without NIVESH_TEST_TRAIN; credit_risk is always among them.
CHOSEN = os.environ.get("NIVESH_TEST_TRAIN", ",".join(KEYS)).split(",")
TRAINED = [key for key in KEYS if key in CHOSEN or key == "credit_risk"]
FAMILIES = sorted({models.get(key).spec.runtime for key in TRAINED})
# Where the gate would not pass a model of the conformance checks' few rows, and where fewer do.
ROWS = {
    "intents": lambda rows: rows.groupby("intent").head(40),
    "ner": lambda rows: rows.head(80),
    "loans": lambda rows: rows.head(2500),
}


class Training:
    """What is applied to the cluster, and how the tests speak with it."""

    def __init__(self, kubeconfig: str, scratch: Path):
        self.kubeconfig, self.scratch = kubeconfig, scratch
        self.mark = f"tests/{uuid.uuid4().hex[:8]}"
        self.store = f"s3://models/{self.mark}"
        self.s3 = boto3.Session(
            S3["AWS_ACCESS_KEY_ID"], S3["AWS_SECRET_ACCESS_KEY"], region_name=S3["AWS_REGION"]
        ).resource("s3", endpoint_url=S3["AWS_ENDPOINT_URL"])

    def kubectl(self, *arguments: str, input: str | None = None, namespace: str = NAMESPACE) -> str:
        return kubectl(self.kubeconfig, "-n", namespace, *arguments, input=input)

    def open(self) -> None:
        self.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        # ValidatingAdmissionPolicy and Secrets of the release are outside of the namespace: a killed test may have left them.
        platform.install(self.kubeconfig, NAMESPACE, self.platform())
        kubectl(self.kubeconfig, "apply", "-f", "-", input=yaml.safe_dump_all(self.models()))
        kubectl(self.kubeconfig, "apply", "--server-side", "-f", str(PROJECT / "manifests/training/kubeflow-2.0"))
        for key in TRAINED:
            self.upload(key)
        self.kubectl("rollout", "status", "deployment/mlflow", "--timeout=240s")

    def close(self) -> None:
        platform.helm(self.kubeconfig, "uninstall", "nivesh", "-n", NAMESPACE, "--ignore-not-found")
        self.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
        for bucket in ("models", BUCKET):
            self.s3.Bucket(bucket).objects.filter(Prefix=self.mark).delete()

    def platform(self) -> dict[str, Any]:
        """Values of the chart: all that training needs, with a store of its own."""
        return platform.ONLY_MODELS | {
            "mlflow": {"enabled": True},
            "pipelines": {"enabled": True},
            "s3": {"bundles": self.store},
        }

    def models(self) -> list[dict]:
        """The InferenceServices of our manifests, whose bundles are not there yet, and their ServingRuntimes."""
        found = platform.runtimes_and_services(self.kubectl("kustomize", str(PROJECT / "manifests")))
        names = {key.replace("_", "-") for key in TRAINED}
        found = [one for one in found if one["kind"] != "InferenceService" or one["metadata"]["name"] in names]
        for one in found:
            one["metadata"]["namespace"] = NAMESPACE
            if one["kind"] == "InferenceService":
                model = one["spec"]["predictor"]["model"]
                model["storageUri"] = model["storageUri"].replace("s3://models", self.store)
        return found

    def upload(self, key: str) -> None:
        """Few rows of a model's sample."""
        kind = models.get(key).spec.dataset
        rows = ROWS.get(kind, FEW_ROWS[kind])(data.read(kind))
        file = self.scratch / (f"{key}.jsonl" if kind in ("intents", "ner") else f"{key}.parquet")
        if file.suffix == ".jsonl":
            rows.to_json(file, orient="records", lines=True)
        else:
            rows.to_parquet(file)
        self.s3.Bucket(BUCKET).upload_file(str(file), f"{self.mark}/{file.name}")

    def data_path(self, key: str) -> str:
        suffix = "jsonl" if models.get(key).spec.dataset in ("intents", "ner") else "parquet"
        return f"s3://{BUCKET}/{self.mark}/{key}.{suffix}"

    def submit(self, key: str, yaml_file: Path, canary: int = 10, **params: Any) -> str:
        """Start a run on the few rows; returns its id."""
        arguments = {"data_path": self.data_path(key), "params": QUICK.get(key, {}) | params, "canary": canary}
        return Kubeflow().submit(key, yaml_file, arguments)

    def retrain(self, key: str, yaml_file: Path) -> str:
        """Start a run on newer rows, where a model as good as the champion passes; returns its id."""
        file = self.scratch / f"{key}-newer.parquet"
        data.read(models.get(key).spec.dataset).iloc[100:2600].to_parquet(file)
        self.s3.Bucket(BUCKET).upload_file(str(file), f"{self.mark}/{file.name}")
        path = f"s3://{BUCKET}/{self.mark}/{file.name}"
        return Kubeflow().submit(key, yaml_file, {"data_path": path, "accept_equal": True, "canary": 10})

    def wait(self, run_id: str, seconds: float = 1200) -> Run:
        """The run at its end, which is a good one."""
        run = self.until(f"the end of run {run_id}", lambda: ended(run_id), seconds)
        assert run.state == "SUCCEEDED", self.nivesh("logs", run_id)
        return run

    def until(self, what: str, check: Callable[[], Any], seconds: float = 180, every: float = 1.0) -> Any:
        """What check() gives when it is true; AssertionError that says what was waited for."""
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, f"gave up waiting for {what}\n{self.nivesh('runs')}"
            time.sleep(every)
        return found

    def pods(self, run_id: str, step: str) -> dict[str, dict]:
        """The pods that do or did a step's work: uid -> pod."""
        label = f"pipeline/runid={run_id}"
        found = json.loads(self.kubectl("get", "pods", "-l", label, "-o", "json", namespace="kubeflow"))["items"]
        node = "workflows.argoproj.io/node-name"
        own = (one for one in found if f".{step}(0).executor" in one["metadata"]["annotations"].get(node, ""))
        return {one["metadata"]["uid"]: one for one in own}

    def running(self, run_id: str, step: str, phases: tuple[str, ...] = ("Running",)) -> tuple[str, str]:
        """The pod that does a step's work, as soon as it does: (its uid, its name).

        Args:
            phases: of the pod; of a step that takes a second, a slow machine sees the end only.
        """

        def found():
            pods = self.pods(run_id, step).items()
            return next(((uid, pod) for uid, pod in pods if pod["status"]["phase"] in phases), None)

        uid, pod = self.until(f"step {step} of run {run_id}", found, 400, 0.2)
        return uid, pod["metadata"]["name"]

    @contextmanager
    def away(self, service: str, namespace: str, port: int) -> Iterator[None]:
        """A Service at which nobody answers."""
        change = '[{"op": "replace", "path": "/spec/ports/0/port", "value": %d}]'
        self.kubectl("patch", "service", service, "--type=json", "-p", change % (port + 9), namespace=namespace)
        try:
            yield
        finally:
            self.kubectl("patch", "service", service, "--type=json", "-p", change % port, namespace=namespace)

    def nivesh(self, *arguments: str) -> str:
        """The output of a command, which must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "nivesh.cli", *arguments], capture_output=True, text=True, cwd=PROJECT, timeout=400
        )
        assert done.returncode == 0, f"nivesh {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def weights(self, name: str) -> dict[str, int]:
        """Exactly as they stand in KServe's HTTPRoute."""
        (rule,) = json.loads(self.kubectl("get", "httproute", name, "-o", "json"))["spec"]["rules"]
        return {one["name"]: one["weight"] for one in rule["backendRefs"]}

    def answering(self, name: str, requests: int) -> list[str]:
        """The versions that answer."""
        host = {"Host": f"{name}-{NAMESPACE}.example.com"} | KEY
        answers = [httpx.get(f"{GATEWAY}/models", headers=host, timeout=30) for _ in range(requests)]
        return [answer.raise_for_status().json()["models"][0]["version"] for answer in answers]

    def versions(self, key: str, run_id: str) -> list:
        """What a run has registered."""
        return [one for one in model_registry.versions(key) if one.tags.get(model_registry.RUN_TAG) == run_id]


def ended(run_id: str) -> Run | None:
    run, _ = Kubeflow().read(run_id)
    return run if run.seconds is not None else None


def build_training_images(kubeconfig: str) -> None:
    """Build the images of the steps of CHOSEN models and of what they need, and bring them to the cluster."""
    targets = {family: ["training", "--build-arg", f"FAMILY={family}"] for family in FAMILIES}
    _build(kubeconfig, "nivesh-test-training-images", targets)
    build_platform_images(kubeconfig)


def build_platform_images(kubeconfig: str) -> None:
    """Build the images of MLflow and its database, and bring them to the cluster."""
    _build(kubeconfig, "nivesh-test-platform-images", {"mlflow": ["mlflow"], "mariadb": ["mariadb"]})


def _build(kubeconfig: str, name: str, targets: dict[str, list[str]]) -> None:
    """Build images, unless the cluster has those of these sources, as the ConfigMap of this name says."""
    digest = hashlib.sha256(" ".join(targets).encode())
    trains = {"requirements/locks/*.txt", "requirements/training-text.txt", "nivesh/**/*.py", "data/*"}
    serves = {"requirements/locks/training.txt", "requirements/locks/mlflow.txt"}
    of_steps = not {"mlflow"} & targets.keys()
    for pattern in sorted({"Dockerfile", "manifests/training/start-*"} | (trains if of_steps else serves)):
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(path.relative_to(PROJECT).as_posix().encode() + path.read_bytes())
    found, note = digest.hexdigest()[:12], ["-n", "default", "configmap", name]
    if kubectl(kubeconfig, "get", *note, "--ignore-not-found", "-o", "jsonpath={.data.sources}") == found:
        return
    for image, target in targets.items():
        options = ["-t", f"nivesh/train-{image}:dev", "--target", *target]
        command = [str(IMAGE_TOOL), "build", *options, "-f", "Dockerfile", "."]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, cwd=PROJECT)
        assert done.returncode == 0, done.stdout + done.stderr
    kubectl(kubeconfig, "delete", *note, "--ignore-not-found")
    kubectl(kubeconfig, "create", *note, f"--from-literal=sources={found}")


@contextmanager
def opened(kubeconfig: str, scratch: Path) -> Iterator[Training]:
    """A place to train in, for as long as it is used; tests are skipped where Kubeflow Pipelines does not answer."""
    try:
        httpx.get(f"{KFP}/apis/v2beta1/healthz", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"no Kubeflow Pipelines to test on at {KFP} ({type(error).__name__})")
    build_images(kubeconfig)
    build_training_images(kubeconfig)
    training = Training(kubeconfig, scratch)
    with pytest.MonkeyPatch.context() as environment:
        here = {"KUBECONFIG": kubeconfig, "KF_PIPELINES_ENDPOINT": KFP, "NIVESH_HOME": str(scratch / "home")}
        for name, value in (S3 | here | {"NIVESH_BUNDLE_STORE": training.store}).items():
            environment.setenv(name, value)
        try:
            training.open()
            with forwarded(kubeconfig, "deployment/mlflow", 5000, NAMESPACE) as port:
                environment.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
                secret = platform.password(training.kubectl, "nivesh-mlflow", "pipelines-password")
                environment.setenv("MLFLOW_TRACKING_USERNAME", "pipelines")
                environment.setenv("MLFLOW_TRACKING_PASSWORD", secret)
                yield training
        finally:
            training.close()
