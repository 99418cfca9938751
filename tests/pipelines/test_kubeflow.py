import http.server
import socketserver
import threading

import pytest

from nivesh.errors import ClusterError
from pipelines.kubeflow import NODE, NOT_A_STEP, Kubeflow, own_lines

LOG = """time=2026-11-23T12:27:29.689Z level=INFO msg="waiting for signals" argo=true
I1123 12:23:35.639674      27 object_store.go:250] uploadFile(localFilePath="/minio/raw/loans.csv")
[KFP Executor 2026-11-23 12:27:30,050 INFO]: Got executor_input:
{
  "inputs": {
    "parameterValues": {}
  }
}
I1123 12:23:35.640000      27 launcher_v2.go:90] input ComponentSpec:{
  "inputDefinitions": {
    "parameters": {}
  }
}
progress 0.500 round 10 of 20
{"kept": 1}
Traceback (most recent call last):
nivesh.errors.DataError: loans.csv row 17, column age: 12 breaks the rule
F1123 12:27:34.070647      29 main.go:49] failed to execute component: exit status 1
"""


def test_a_log_has_the_steps_own_lines_only():
    assert own_lines(LOG).splitlines() == [
        "progress 0.500 round 10 of 20",
        '{"kept": 1}',
        "Traceback (most recent call last):",
        "nivesh.errors.DataError: loans.csv row 17, column age: 12 breaks the rule",
    ]


def test_repeated_progress_is_shown_once():
    waits = "".join(f"progress 0.{second:03} waits for 1.0.0 to be ready\n" for second in range(90))
    assert own_lines(f"progress 0.000 deploys\n{waits}1.0.0 is served, to everybody\n").splitlines() == [
        "progress 0.000 deploys",
        "progress 0.089 waits for 1.0.0 to be ready",
        "1.0.0 is served, to everybody",
    ]


@pytest.mark.parametrize(
    ("node", "step", "retry"),
    [
        ("train-credit-risk-zxwzn.root.ingest.executor", "ingest", None),
        ("train-credit-risk-zxwzn(0).root(0).train(0).executor(2)", "train", "2"),
    ],
)
def test_a_pod_is_known_by_its_node(node, step, retry):
    found = NODE.search(node)
    assert (found["step"], found["retry"]) == (step, retry)


@pytest.mark.parametrize(
    "name",
    [
        "train-driver",
        "train(0)",
        "executor",
        "executor(1)",
        "root",
        "condition-1",
        "gate-passed",
        "train-credit-risk-7sncz",
        "credit-risk-recurringrxd2k-1-285724241",
    ],
)
def test_tasks_that_are_not_steps(name):
    assert NOT_A_STEP.search(name)


@pytest.mark.parametrize("name", ["train", "build-features"])
def test_tasks_that_are_steps(name):
    assert not NOT_A_STEP.search(name)


def test_without_an_endpoint_the_message_says_what_to_set(monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    with pytest.raises(ClusterError, match="set KF_PIPELINES_ENDPOINT"):
        Kubeflow()


def test_an_endpoint_that_is_something_else_is_one_clear_line(monkeypatch, capfd):
    with socketserver.TCPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:  # 501 to everything
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setattr("kfp.client.client.time.sleep", lambda seconds: None)
        with pytest.raises(ClusterError, match="does not answer"):
            Kubeflow()
        server.shutdown()
    assert "Traceback" not in capfd.readouterr().err


def test_an_endpoint_that_does_not_answer_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ClusterError, match="http://127.0.0.1:9 does not answer"):
        Kubeflow().runs(None, 5)
