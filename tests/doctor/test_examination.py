import threading
import time

from nivesh.doctor.examination import CHECKS, examine
from nivesh.doctor.finding import Status, fail, ok
from nivesh.errors import SettingsError


def refuses() -> list:
    raise SettingsError("NIVESH_REDIS_URL is not a URL")


def breaks() -> list:
    raise KeyError("labels")


def test_the_findings_keep_the_order_of_the_checks():
    checks = {
        "a": lambda: time.sleep(0.2) or [ok("a", "1"), ok("a", "2")],
        "b": lambda: [fail("b", "down", "start it")],
        "c": refuses,
        "d": breaks,
    }
    found = examine(checks)
    assert [(one.part, one.status) for one in found] == [
        ("a", Status.OK), ("a", Status.OK), ("b", Status.FAIL), ("c", Status.FAIL), ("d", Status.FAIL),
    ]  # fmt: skip
    assert found[3].message == "NIVESH_REDIS_URL is not a URL" and found[4].message == "KeyError: 'labels'"
    assert all(one.remedy for one in found if one.status is Status.FAIL)


def test_they_run_at_the_same_time():
    together = threading.Barrier(3, timeout=10)
    assert len(examine({name: lambda: together.wait() and [] or [ok("x", "")] for name in "abc"})) == 3


def test_a_check_that_hangs_is_a_failure_of_its_part():
    start = time.monotonic()
    found = examine({"slow": lambda: time.sleep(30) or [], "fast": lambda: [ok("fast", "")]}, deadline=0.3)
    assert time.monotonic() - start < 5
    assert [(one.part, one.status) for one in found] == [("slow", Status.FAIL), ("fast", Status.OK)]
    assert "no answer within 0.3 s" in found[0].message and found[0].remedy


def test_every_check_runs_where_nothing_is_configured_and_leaves_nothing(home):
    found = examine()
    assert {"Python", "packages", "home", "MLflow", "Redis", "Kubernetes", "Prometheus"} <= {one.part for one in found}
    assert len(found) >= len(CHECKS)
    assert not [one for one in found if one.status is Status.FAIL and one.part not in ("home",)]
    assert not home.exists()
