"""What `helm test` asks, each in a pod of its own: python helm_test.py prediction | metrics | login | denied."""

import base64
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

SECONDS, PORT = 10, 8080


def ask(url: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of an answer; OSError where there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def model() -> str:
    """The address of the model to ask; without InferenceServices there is nothing to test, which is no failure."""
    host = os.environ["MODEL_HOST"]
    try:
        socket.getaddrinfo(host, PORT)
    except socket.gaierror:
        print(f"skipped: {host} has no pods; apply the models, then run helm test again")
        sys.exit(0)
    return f"http://{host}:{PORT}"


def prediction() -> None:
    """The model answers; through the gateway with a key only."""
    body, path = json.loads(os.environ["BODY"]), os.environ["MODEL_PATH"]
    status, text = ask(model() + path, body)
    assert status == 200, f"the model answers {status}: {text}"
    print(f"{path}: {text}")
    gateway = os.environ.get("GATEWAY")
    if not gateway:
        return
    host = {"Host": os.environ["PUBLIC_HOST"]}
    status, text = ask(gateway + path, body, host)
    assert status == 401, f"the gateway answers {status} without a key: {text}"
    key = sorted(Path("/etc/api-keys").glob("[!.]*"))[0].read_text()
    status, text = ask(gateway + path, body, host | {"X-API-Key": key})
    assert status == 200, f"the gateway answers {status} with a key: {text}"
    print("through the gateway: 401 without a key, 200 with one")


def metrics() -> None:
    """The model counts its predictions, and the exporter answers where there is one."""
    if exporter := os.environ.get("EXPORTER"):
        status, text = ask(exporter)
        assert status == 200 and "# TYPE" in text, f"the exporter answers {status}: {text[:200]}"
        print(f"{exporter}: {text.count('# TYPE')} metrics")
    status, text = ask(model() + "/metrics")
    found = [line for line in text.splitlines() if line.startswith("ml_active_models")]
    assert status == 200 and found, f"the model's /metrics answers {status} without ml_active_models: {text[:200]}"
    print(found[0])


def login() -> None:
    """MLflow refuses whoever does not log in, readers read, and only pipelines writes."""
    api = os.environ["MLFLOW"] + "/api/2.0/mlflow"

    def header(user: str) -> dict[str, str]:
        pair = f"{user}:{os.environ[user.upper() + '_PASSWORD']}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    search, create = f"{api}/experiments/search", f"{api}/registered-models/create"
    asked = {
        "nobody reads": (ask(search, {"max_results": 1})[0], 401),
        "readers read": (ask(search, {"max_results": 1}, header("readers"))[0], 200),
        "readers create": (ask(create, {"name": "helm-test"}, header("readers"))[0], 403),
        "pipelines create": (ask(create, {}, header("pipelines"))[0], 400),  # allowed, and then refused: it has no name
    }
    print(asked)
    assert all(got == wanted for got, wanted in asked.values()), asked


def denied() -> None:
    """A pod of the namespace that no policy names reaches nothing."""
    for address in os.environ["DENIED"].split(","):
        host, port = address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), 3).close()
        except socket.gaierror:
            print(f"{address}: not there")
        except TimeoutError:
            print(f"{address}: no way, as it should be")
        else:
            raise AssertionError(f"{address} answers a pod that no policy allows: does the network enforce policies?")


if __name__ == "__main__":
    {"prediction": prediction, "metrics": metrics, "login": login, "denied": denied}[sys.argv[1]]()
