"""A bundle that is not what its manifest says is never served, and the pod's status says why."""

import json

import boto3
import pytest

from nivesh.registry import bundle

KEY, NAME = "anomaly_detector", "refused"


def tamper(files):
    path = next(path for path in sorted(files) if path.startswith("model/"))
    return files | {path: files[path] + b" "}


def leave_out(files):
    path = next(path for path in sorted(files) if path.startswith("model/"))
    return {name: content for name, content in files.items() if name != path}


def older_format(files):
    manifest = json.loads(files[bundle.MANIFEST]) | {"format": 0}
    return files | {bundle.MANIFEST: json.dumps(manifest).encode()}


def other_model(files):
    manifest = json.loads(files[bundle.MANIFEST]) | {"key": "credit_risk"}
    return files | {bundle.MANIFEST: json.dumps(manifest).encode()}


REFUSED = {
    "tampered": (tamper, "was changed after packaging"),
    "incomplete": (leave_out, "is missing"),
    "older": (older_format, "format 0 cannot be served"),
    "other": (other_model, "holds credit_risk, not anomaly_detector"),
    "absent": (lambda files: {}, "No model found in"),
}


@pytest.fixture(scope="module")
def services(cluster):
    """One InferenceService for each way to be wrong, all started at once."""
    bucket, prefix = cluster.store.removeprefix("s3://").split("/", 1)
    folder = cluster.home / "bundles" / KEY / "1.0.0"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    s3 = boto3.client("s3")
    for kind, (change, _) in REFUSED.items():
        for path, content in change(files).items():
            s3.put_object(Bucket=bucket, Key=f"{prefix}/refused/{kind}/{path}", Body=content)
        service = cluster.get("isvc", KEY.replace("_", "-"))
        service["metadata"] = {"name": f"{NAME}-{kind}", "namespace": "nivesh", "labels": {"test": NAME}}
        service["spec"]["predictor"]["model"]["storageUri"] = f"{cluster.store}/refused/{kind}"
        del service["status"]
        cluster.kubectl("apply", "-f", "-", input=json.dumps(service))
    yield
    cluster.kubectl("delete", "isvc", "-l", f"test={NAME}", "--wait=false")


def termination_messages(pod: dict) -> str:
    """Why a pod's containers terminated, from its status."""
    status = pod["status"]
    containers = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    ends = [state["terminated"] for c in containers for state in (c["state"], c["lastState"]) if "terminated" in state]
    return " ".join(end.get("message", "") for end in ends if end["exitCode"])


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_bundle_is_not_served_and_the_status_says_why(cluster, services, kind):
    name = f"{NAME}-{kind}"
    message = cluster.until(
        f"{name} to be refused", lambda: " ".join(map(termination_messages, cluster.pods(name))).strip()
    )
    assert REFUSED[kind][1] in message
    assert len(message.splitlines()) == 1 or kind == "absent"
    conditions = {c["type"]: c["status"] for c in cluster.get("isvc", name)["status"]["conditions"]}
    assert conditions["Ready"] != "True"
    assert not any(c.get("ready") for pod in cluster.pods(name) for c in pod["status"].get("containerStatuses", []))
