"""The receiver over real HTTP: what Alertmanager sends leads to one run, however often it sends it and whoever is killed."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from nivesh.errors import StorageUnavailable
from nivesh.monitoring import retraining, window_report
from nivesh.monitoring.cause import Cause
from nivesh.monitoring.newest_cause import newest_cause
from nivesh.monitoring.retraining_ledger import Ledger
from nivesh.monitoring.webhook import Receiver, create_app
from nivesh.monitoring.window_report import VersionReport, WindowReport
from nivesh.store.objects import FolderStore
from tests.monitoring.file_starter import FileStarter

TOKEN = {"Authorization": "Bearer secret"}
END = datetime(2026, 2, 1, tzinfo=UTC)


def alert(model="credit_risk", name="ModelAccuracyDropped", version="1.0.0", status="firing", **labels):
    return {
        "status": status,
        "labels": {"alertname": name, "model_name": model, "version": version, "severity": "ticket"} | labels,
        "annotations": {"summary": f"the accuracy of {model} is below its interval"},
        "startsAt": "2026-02-01T04:00:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"{random.getrandbits(64):x}",
    }


def group(*alerts):
    """The body of a notification, with the fields that Alertmanager 0.28 sends."""
    return {
        "version": "4", "groupKey": '{}:{alertname="ModelAccuracyDropped"}', "truncatedAlerts": 0, "status": "firing",
        "receiver": "retraining", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager", "alerts": list(alerts),
    }  # fmt: skip


def write_report(store, kind="quality_drop", key="credit_risk", end=END, version="1.0.0"):
    versions = [
        VersionReport("0.9.0", 100, 0, [], [], Cause("none", "no column has drifted")),
        VersionReport(version, 50, 0, [], [], Cause(kind, "auc is 0.79")),
    ]
    start = datetime(2026, 1, 25, tzinfo=UTC)
    window_report.save(store, WindowReport(key, start, end, end, versions), {})


@pytest.fixture
def case(home, tmp_path, monkeypatch):
    (tmp_path / "loans.csv").write_text("age\n30\n")
    monkeypatch.setenv("NIVESH_RETRAINING_DATA", str(tmp_path / "loans.csv"))
    monkeypatch.setattr(retraining, "champion", lambda key: ("1.0.0 abc", ""))
    return Case(tmp_path)


class Case:
    def __init__(self, folder: Path):
        self.folder, self.store = folder, FolderStore(folder / "store")
        self.starter, self.ledger = FileStarter(folder / "starts"), Ledger(self.store, "credit_risk")
        self.receiver = Receiver(self.store, self.starter, newest_cause(self.store), retry_seconds=0.1)

    def client(self):
        return TestClient(create_app(self.receiver, "secret"))

    def wait(self, check, seconds=20.0):
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, (self.store.names(), self.starter.starts())
            time.sleep(0.05)
        return found


def test_an_alert_starts_a_retraining_of_the_reports_window(case):
    write_report(case.store)
    with case.client() as client:
        answer = client.post("/alerts", json=group(alert()), headers=TOKEN)
        assert answer.status_code == 202
        ((found),) = answer.json()["retrainings"]
        assert (found["model"], found["cause"]) == ("credit_risk", "quality_drop")
        case.wait(lambda: case.ledger.find("starts", found["id"]))
    intent = case.ledger.intent(found["id"])
    assert (intent.window_end, intent.requested_by) == (END, "alertmanager")
    assert intent.reason == "ModelAccuracyDropped: the accuracy of credit_risk is below its interval"
    assert len(case.starter.starts()) == 1


def test_a_group_of_many_alerts_is_one_retraining_for_each_model(case):
    write_report(case.store)
    write_report(case.store, key="intent_classifier")
    body = group(
        alert(), alert(name="Drift", feature="age"), alert(name="Drift", feature="income"), alert("intent_classifier"),
        alert("spending_predictor", status="resolved"),
    )  # fmt: skip
    with case.client() as client:
        found = client.post("/alerts", json=body, headers=TOKEN).json()["retrainings"]
        assert [one["model"] for one in found] == ["credit_risk", "intent_classifier"]
        case.wait(lambda: len(case.starter.starts()) == 2)


@pytest.mark.parametrize("kind", ["harmless_drift", "upstream_fault"])
def test_the_reports_cause_decides(case, kind):
    write_report(case.store, kind)
    with case.client() as client:
        ((found),) = client.post("/alerts", json=group(alert()), headers=TOKEN).json()["retrainings"]
        refused = case.wait(lambda: case.ledger.refusals(found["id"]))
    assert (refused[0]["kind"], refused[0]["reason"]) == (kind, "auc is 0.79")
    assert len(case.ledger.quarantined()) == (kind == "upstream_fault")
    assert case.starter.starts() == []


def test_a_window_whose_cause_is_found_out_later_is_trained_on_then(case):
    write_report(case.store, "harmless_drift")
    with case.client() as client:
        ((found),) = client.post("/alerts", json=group(alert()), headers=TOKEN).json()["retrainings"]
        case.wait(lambda: case.ledger.refusals(found["id"]))
        write_report(case.store)  # labels have come
        client.post("/alerts", json=group(alert()), headers=TOKEN)
        case.wait(lambda: case.ledger.find("starts", found["id"]))


def test_without_a_report_nobody_knows_why_and_nothing_is_trained(case):
    with case.client() as client:
        ((found),) = client.post("/alerts", json=group(alert()), headers=TOKEN).json()["retrainings"]
        refused = case.wait(lambda: case.ledger.refusals(found["id"]))
        again = client.post("/alerts", json=group(alert()), headers=TOKEN).json()["retrainings"]
    assert again == [found], "the window is that of the alert's start, whenever it is sent"
    assert "run nivesh monitor run credit_risk" in refused[0]["reason"]
    intent = case.ledger.intent(found["id"])
    assert (intent.window_start, intent.window_end) == (datetime(2026, 1, 25, tzinfo=UTC), END)


def test_an_unknown_model_is_recorded_and_answered(case):
    write_report(case.store)
    with case.client() as client:
        answer = client.post("/alerts", json=group(alert("../etc"), alert("../etc")), headers=TOKEN)
        assert answer.status_code == 422
        assert "'../etc'" in answer.json()["retrainings"][0]["error"]
        mixed = client.post("/alerts", json=group(alert("other"), alert()), headers=TOKEN)
        assert mixed.status_code == 202
    recorded = [json.loads(case.store.read(name)) for name in case.store.names("retraining/_unknown/")]
    assert sorted(one["model"] for one in recorded) == ["../etc", "other"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body"),
        (b"{", "the body"),
        (b"[]", "the body"),
        (b'{"version": "4"}', "alerts: Field required"),
        (b'{"version": "4", "alerts": []}', "alerts"),
        (json.dumps(group({"status": "firing"})).encode(), "alerts.0.labels"),
        (json.dumps(group(alert() | {"startsAt": "yesterday"})).encode(), "alerts.0.startsAt"),
        (json.dumps(group(alert(model=""))).encode(), "ModelAccuracyDropped has no label model_name"),
        (b"\xff\xfe", "the body"),
    ],
)
def test_a_bad_body_is_400_and_says_what_is_wrong(case, body, words):
    with case.client() as client:
        answer = client.post("/alerts", content=body, headers=TOKEN)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert case.store.names() == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "secret", "Basic secret", "Bearer sécret"])
def test_without_the_token_nothing_is_read(case, header):
    with case.client() as client:
        answer = client.post("/alerts", json=group(alert()), headers={"Authorization": header.encode()})
        assert answer.status_code == 401
        assert client.get("/health").status_code == 200
    assert case.store.names() == []


def test_a_body_that_is_too_large_is_413(case, monkeypatch):
    monkeypatch.setenv("NIVESH_MAX_BODY_BYTES", "1000")
    with case.client() as client:
        assert client.post("/alerts", json=group(*[alert()] * 20), headers=TOKEN).status_code == 413


def test_what_could_not_be_stored_is_503_so_that_it_is_sent_again(case, monkeypatch):
    write_report(case.store)
    create, away = FolderStore.create, [True]

    def flaky(self, name, data):
        if away and "/intents/" in name:
            raise StorageUnavailable("S3 is away")
        return create(self, name, data)

    monkeypatch.setattr(FolderStore, "create", flaky)
    with case.client() as client:
        answer = client.post("/alerts", json=group(alert()), headers=TOKEN)
        assert answer.status_code == 503 and "S3 is away" in answer.json()["error"]
        away.clear()
        assert client.post("/alerts", json=group(alert()), headers=TOKEN).status_code == 202
        case.wait(lambda: len(case.starter.starts()) == 1)


def test_an_outage_after_the_answer_delays_the_run_only(case, monkeypatch):
    write_report(case.store)
    start, tries = FileStarter.start, []

    def flaky(self, plan):
        tries.append(plan)
        if len(tries) < 3:
            raise StorageUnavailable("Kubeflow is away")
        return start(self, plan)

    monkeypatch.setattr(FileStarter, "start", flaky)
    with case.client() as client:
        assert client.post("/alerts", json=group(alert()), headers=TOKEN).status_code == 202
        case.wait(lambda: len(case.starter.starts()) == 1)
    assert len(tries) == 3


def test_what_a_killed_process_has_recorded_the_next_one_starts(case):
    write_report(case.store)
    case.receiver.record(retraining_alert())  # the thread has not been started: as if killed after the answer
    assert case.ledger.open_ids() and not case.starter.starts()
    case.receiver = Receiver(case.store, case.starter, newest_cause(case.store))
    with case.client():
        case.wait(lambda: len(case.starter.starts()) == 1)


def retraining_alert():
    from nivesh.monitoring.alertmanager import parse

    return parse(json.dumps(group(alert())).encode())[0]


class Servers:
    """Two replicas of the receiver; a killed one is started again."""

    def __init__(self, folder: Path):
        self.folder, self.lock, self.kills = folder, threading.Lock(), 0
        self.ports = [_free_port(), _free_port()]
        self.processes = [self._start(port) for port in self.ports]

    def _start(self, port):
        command = [sys.executable, "-m", "tests.monitoring.webhook_server", str(self.folder), str(port)]
        return subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)

    def kill(self, number):
        with self.lock:
            self.processes[number].send_signal(signal.SIGKILL)
            self.processes[number].wait()
            self.processes[number] = self._start(self.ports[number])
            self.kills += 1

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.timeout(280)
def test_a_thousand_webhooks_to_replicas_that_are_killed_are_one_run(case):
    write_report(case.store)
    servers, answered = Servers(case.folder), []

    def post(number):
        """As Alertmanager does: again until the answer is 2xx."""
        client = httpx.Client(timeout=10)
        body = group(*[alert(feature=str(part)) for part in range(1 + number % 3)])
        while True:
            try:
                port = random.choice(servers.ports)
                answer = client.post(f"http://127.0.0.1:{port}/alerts", json=body, headers=TOKEN)
                if answer.status_code == 202:
                    break
                assert answer.status_code == 503, answer.text
            except httpx.TransportError:
                time.sleep(0.05)
        client.close()
        answered.append(answer.json()["retrainings"][0]["id"])
        return len(answered)

    def kill_in_the_start():
        """The first run is started and not recorded yet: the worst time to die."""
        for number in (0, 1):
            case.wait(lambda: case.starter.starts(), 60)
            servers.kill(number)

    try:
        worst = threading.Thread(target=kill_in_the_start)
        worst.start()
        with ThreadPoolExecutor(8) as pool:
            for done in pool.map(post, range(1000)):
                if done % 120 == 0:
                    servers.kill(done // 120 % 2)
        worst.join()
        (name,) = set(answered)
        assert len(answered) == 1000 and servers.kills >= 8
        case.wait(lambda: case.ledger.find("starts", name), 60)
        time.sleep(1)
    finally:
        servers.close()
    assert len(case.starter.starts()) == 1, "each start leaves a line"
    assert case.ledger.ids("intents") == case.ledger.ids("claims") == case.ledger.ids("starts") == [name]
    assert not case.ledger.open_ids()
