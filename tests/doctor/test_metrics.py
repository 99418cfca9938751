from nivesh.doctor import metrics
from nivesh.doctor.finding import Status
from tests.conformance.conftest import free_port
from tests.doctor.http_server import answering


def target(job: str, health: str = "up", error: str = "") -> dict:
    return {"labels": {"job": job, "instance": "server:8000"}, "health": health, "lastError": error}


def checked(monkeypatch, targets: list[dict], rules: list[dict] | None = None) -> list:
    answers = {
        "/api/v1/targets": (200, {"data": {"activeTargets": targets}}),
        "/api/v1/rules": (200, {"data": {"groups": [{"rules": rules or []}]}}),
    }
    with answering(answers) as url:
        monkeypatch.setenv("NIVESH_PROMETHEUS_URL", url)
        return metrics.prometheus()


def test_without_a_setting():
    assert metrics.prometheus()[0].status is Status.NOT_CONFIGURED


def test_a_dead_port_and_something_else_on_it(monkeypatch):
    monkeypatch.setenv("NIVESH_PROMETHEUS_URL", f"http://127.0.0.1:{free_port()}")
    (finding,) = metrics.prometheus()
    assert finding.status is Status.FAIL and "up -d prometheus" in finding.remedy
    for answer in ((404, ""), (200, "a page"), (200, {"status": "error"})):
        with answering({"": answer}) as url:
            monkeypatch.setenv("NIVESH_PROMETHEUS_URL", url)
            (finding,) = metrics.prometheus()
        assert finding.status is Status.FAIL and "NIVESH_PROMETHEUS_URL" in finding.remedy


def test_a_target_that_is_down_is_named_with_its_error(monkeypatch):
    targets = [target("prometheus"), target("nivesh-models", "down", "connection refused"), target("nivesh-monitor")]
    (finding,) = checked(monkeypatch, targets)
    assert finding.status is Status.FAIL
    assert finding.message == "1 of 2 targets are not up: nivesh-models server:8000: connection refused"
    assert "docker compose ps" in finding.remedy


def test_a_prometheus_that_scrapes_only_itself(monkeypatch):
    (finding,) = checked(monkeypatch, [target("prometheus", "down")])
    assert finding.status is Status.WARN and "PodMonitor" in finding.remedy


def test_rules_that_fail_and_alerts_that_fire(monkeypatch):
    broken = {"name": "Slow", "health": "err", "lastError": "many-to-many matching"}
    _, finding = checked(monkeypatch, [target("nivesh-models")], [broken])
    assert finding.status is Status.FAIL and "Slow: many-to-many" in finding.message and "promtool" in finding.remedy
    firing = [
        {"name": "Drift", "health": "ok", "state": "firing"},
        {"name": "Slow", "health": "ok", "state": "inactive"},
    ]
    _, finding = checked(monkeypatch, [target("nivesh-models")], firing)
    assert (finding.status, finding.message) == (Status.WARN, "firing: Drift")
    scraped, finding = checked(monkeypatch, [target("nivesh-models")], firing[1:])
    assert scraped.status is finding.status is Status.OK
