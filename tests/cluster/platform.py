"""helm/nivesh on the test cluster."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.helm.chart import CHART, HELM, LOCAL

# Of a namespace with models for a test: what the cluster has once, or another release has, is left out.
ONLY_MODELS = {
    "mlflow": {"enabled": False},
    "pipelines": {"enabled": False},
    "gateway": {"enabled": False},
    "monitoring": {"dashboards": {"enabled": False}},
    # the tests cut connections to Redis
    "redis": {"commands": ["+@all", "-@scripting", "-@dangerous", "+client|kill"]},
}


def helm(kubeconfig: str, *arguments: str, input: str | None = None, seconds: int = 300) -> str:
    """The output of a helm command; AssertionError with its words where it fails."""
    assert HELM, "there is no helm in PATH"
    environment = os.environ | {"KUBECONFIG": kubeconfig}
    done = subprocess.run(
        [HELM, *arguments], input=input, capture_output=True, text=True, timeout=seconds, env=environment
    )
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def install(kubeconfig: str, namespace: str, values: dict[str, Any], *options: str) -> str:
    """Install the chart with the values of a test cluster and these, or upgrade it; takes over what kubectl has applied."""
    command = ["upgrade", "--install", "nivesh", str(CHART), "-n", namespace, "-f", str(LOCAL), "-f", "-"]
    return helm(kubeconfig, *command, "--take-ownership", *options, input=json.dumps(values))


def password(kubectl: Any, secret: str, key: str) -> str:
    """What stands in a Secret. ``kubectl`` runs a command in its namespace."""
    return str(kubectl("get", "secret", secret, "-o", f'go-template={{{{index .data "{key}" | base64decode}}}}'))


def runtimes_and_services(rendered: str) -> list[dict]:
    """What of manifests/ is needed to serve: without routes and budgets."""
    kinds = ("ServingRuntime", "InferenceService")
    return [one for one in yaml.safe_load_all(rendered) if one["kind"] in kinds]


def chart_version(version: str, folder: Path) -> Path:
    """A copy of the chart under another version."""
    helm_command = [HELM or "helm", "package", str(CHART), "--version", version, "-d", str(folder)]
    subprocess.run(helm_command, check=True, capture_output=True, timeout=60)
    return folder / f"nivesh-{version}.tgz"
