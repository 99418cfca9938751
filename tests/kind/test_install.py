"""manifests/kind/install: what is missing is installed in its pinned version, what is there is left alone.

The programs that it calls are stand-ins here; tests/cluster/test_install.py runs it on a real cluster.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nivesh.settings import PROJECT

SCRIPT = PROJECT / "manifests/kind/install"
GATEWAY = "Gateway kserve/kserve-ingress-gateway"
MODELS = ("anomaly_detector", "credit_risk", "financial_ner", "intent_classifier", "spending_predictor")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """install(FOUND=…, …) -> (exit code, output, the calls that it made)."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("kubectl", "helm", "docker", "kind", "curl", "python"):
        shutil.copy(Path(__file__).parent / "programs.sh", programs / name)
        (programs / name).chmod(0o755)

    def run(**variables: str) -> tuple[int, str, list[str]]:
        log = tmp_path / "calls.log"
        log.write_text("")
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "PYTHON": str(programs / "python"),
            "NIVESH_HOME": str(tmp_path / "home"),
            "LOG": str(log),
        }
        done = subprocess.run([SCRIPT], env=environment | variables, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr, log.read_text().splitlines()

    return run


def test_a_bare_cluster_gets_each_part_in_a_pinned_version(install):
    code, output, calls = install(FOUND="no")
    assert code == 0, output
    fetched = [call for call in calls if "https://" in call or "oci://" in call]
    assert len(fetched) == 6
    assert all(re.search(r"/v\d+\.\d+\.\d+/|--version v\d+\.\d+\.\d+", call) for call in fetched)
    order = [
        "gateway-api",
        "envoyproxy/gateway",
        "cert-manager",
        "kserve-crd",
        "manifests/kind/gateway",
        "kind/s3.yaml",
    ]
    order += [
        "docker build -t nivesh/text",
        "load docker-image nivesh/train-mlflow:dev",
        "helm upgrade --install --take-ownership --wait --timeout 10m nivesh helm/nivesh",
        "publish credit_risk",
    ]
    order += ["Ready inferenceservice/", "features materialize"]
    places = [next(place for place, call in enumerate(calls) if word in call) for word in order]
    assert places == sorted(places)
    built = [re.search(r"nivesh/([\w-]+):dev", call)[1] for call in calls if call.startswith("docker build")]
    assert built == ["redis", "text", "train-mlflow"]  # what the chart and the manifests name, each once
    assert "deploymentMode=Standard" in next(call for call in calls if "kserve-resources" in call)
    assert not [call for call in calls if "kubeflow/pipelines" in call or "nivesh/train-text" in call]


def test_what_is_there_is_left_alone(install):
    code, output, calls = install(FOUND="yes", IMAGE_TOOL="true")
    assert code == 0, output
    assert not [call for call in calls if "https://" in call or "oci://" in call or "manifests/kind/" in call]
    assert not [call for call in calls if call.startswith(("docker", "kind"))]
    found = re.findall(r"s  (.*): found", output)
    assert found == ["Gateway API", "Envoy Gateway", "CRDs of the Prometheus operator", "KServe", GATEWAY, "S3"]
    assert [
        call
        for call in calls
        if call.startswith("helm upgrade --install --take-ownership --wait --timeout 10m nivesh helm/nivesh")
    ]


def test_kubeflow_pipelines_and_the_images_of_training_where_asked_for(install):
    code, output, calls = install(FOUND="no", KFP="1")
    assert code == 0, output
    applied = [call for call in calls if "kubeflow/pipelines" in call]
    assert len(applied) == 2 and all(re.search(r"\?ref=\d+\.\d+\.\d+$", call) for call in applied)
    assert [call for call in calls if "nivesh/train-text:dev" in call]
    assert "pipelines.enabled=true" in next(call for call in calls if "helm/nivesh" in call)


def test_models_are_trained_where_the_home_has_none(install, tmp_path):
    code, output, calls = install(FOUND="yes")
    assert code == 0, output
    assert [call.split()[4] for call in calls if "nivesh.cli train" in call] == list(MODELS)
    _, _, calls = install(FOUND="yes")
    assert not [call for call in calls if "nivesh.cli train" in call]
    assert len([call for call in calls if "nivesh.cli publish" in call]) == len(MODELS)


def test_another_store_and_a_version_that_was_promoted_stay(install):
    _, _, calls = install(FOUND="yes", NIVESH_BUNDLE_STORE="s3://bundles/team")
    assert "stdin: storageUri: s3://bundles/team/credit_risk/1.0.0" in calls
    _, _, calls = install(FOUND="yes", PROMOTED="s3://models/credit_risk/1.4.0")
    assert "stdin: storageUri: s3://models/credit_risk/1.4.0" in calls


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FOUND": "yes", "MODE": "Knative"}, "its mode is not Standard"),
        ({"FOUND": "yes", "KUBECONFIG": ""}, "names the kubeconfig"),
        ({"FOUND": "yes", "IMAGE_TOOL": "false"}, "is not built"),
    ],
)
def test_what_goes_wrong_ends_it_with_the_reason(install, variables, message):
    code, output, calls = install(**variables)
    assert code == 1 and message in output
    assert not [call for call in calls if "upgrade --install --take-ownership --wait --timeout 10m nivesh" in call]


def test_a_refused_request_ends_it(install):
    code, output, _ = install(FOUND="yes", STATUS="500", TRIES="1")
    assert code == 1 and "/predict/x answers 500" in output


def test_kinds_configuration_and_the_script_speak_of_the_same_ports():
    ports = re.findall(r"hostPort: (\d+), containerPort: (\d+)", (PROJECT / "kind-config.yaml").read_text())
    manifests = (PROJECT / "manifests/kind/gateway.yaml").read_text() + (PROJECT / "manifests/kind/s3.yaml").read_text()
    assert len(ports) == 2
    for port, node_port in ports:
        assert f"nodePort: {node_port}" in manifests
        assert f"http://127.0.0.1:{port}" in SCRIPT.read_text()
