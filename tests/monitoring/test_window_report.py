"""Reports of monitoring runs: kept, found again, and shown as metrics."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nivesh.errors import DataError
from nivesh.monitoring import exporter, metrics, window_report
from nivesh.monitoring.cause import Cause, Quality
from nivesh.monitoring.drift import ColumnDrift
from nivesh.monitoring.window_report import VersionReport, WindowReport
from nivesh.store.objects import FolderStore

END = datetime(2026, 1, 31, 5, tzinfo=UTC)
DRIFT = ColumnDrift("income", "number", 12.5, 4.0, 0.3, "up", 0.02, 0.01, "income: median 9, 5 in the reference")
QUALITY = Quality("auc", "labels", 0.80, 0.77, 0.83, 0.88, 400)
VERSION = VersionReport("1.2.0", 500, 3, [DRIFT], [QUALITY], Cause("quality_drop", "auc has dropped", ("income",)))
REPORT = WindowReport("credit_risk", END - timedelta(days=7), END, END + timedelta(minutes=1), [VERSION])


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


def sample(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_a_report_is_read_as_it_was_saved_and_the_newest_is_found(store):
    window_report.save(store, REPORT, {})
    later = replace(REPORT, end=END + timedelta(days=7), versions=[])
    window_report.save(store, later, {})
    window_report.save(store, replace(REPORT, key="financial_ner"), {})
    assert window_report.newest(store, "credit_risk") == later
    assert window_report.read(store, "reports/credit_risk/20260131T050000Z.json") == REPORT
    assert later.sentence == "no predictions in this window"
    assert REPORT.sentence == "auc has dropped"


def test_without_a_report_the_command_is_named(store):
    assert window_report.newest(store, "credit_risk") is None
    with pytest.raises(DataError, match="nivesh monitor run credit_risk"):
        window_report.require_newest(store, "credit_risk")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"key": 1}', b"\xff"])
def test_a_broken_report_is_one_clear_line(store, content):
    store.write("reports/credit_risk/20260131T050000Z.json", content)
    with pytest.raises(DataError, match="is no report of this version"):
        window_report.newest(store, "credit_risk")


def test_a_number_that_is_none_is_not_written(store):
    broken = replace(REPORT, versions=[replace(VERSION, drift=[replace(DRIFT, score=math.nan)])])
    with pytest.raises(ValueError, match="not JSON compliant"):
        window_report.save(store, broken, {})
    assert window_report.newest(store, "credit_risk") is None


def test_pages_are_copied(store, tmp_path):
    window_report.save(store, REPORT, {"html": b"<html>", "png": b"PNG"})
    written = window_report.write_pages(store, REPORT, tmp_path / "out")
    assert [(path.name, path.read_bytes()) for path in written] == [
        ("credit_risk.html", b"<html>"),
        ("credit_risk.png", b"PNG"),
    ]
    assert window_report.write_pages(FolderStore(tmp_path / "empty"), REPORT, tmp_path / "other") == []


def test_a_report_becomes_metrics_and_a_version_that_is_gone_has_none():
    exporter.show([REPORT])
    labels = {"model_name": "credit_risk", "version": "1.2.0"}
    assert sample("ml_drift_score", **labels, feature="income") == 12.5
    assert sample("ml_drift_threshold", **labels, feature="income") == 4.0
    assert sample("ml_missing_share", **labels, feature="income") == 0.02
    assert sample("ml_model_accuracy", **labels, source="labels") == 0.80
    assert sample("ml_model_accuracy_low", **labels, source="labels") == 0.77
    assert sample("ml_model_accuracy_high", **labels, source="labels") == 0.83
    assert sample("ml_model_accuracy_expected", **labels) == 0.88
    assert sample("nivesh_monitoring_window_rows", **labels) == 500
    assert (
        sample("nivesh_monitoring_last_success_timestamp_seconds", model_name="credit_risk")
        == (END + timedelta(minutes=1)).timestamp()
    )
    exporter.show([replace(REPORT, versions=[replace(VERSION, version="1.3.0", drift=[], quality=[])])])
    assert sample("ml_drift_score", **labels, feature="income") is None
    assert sample("nivesh_monitoring_window_rows", **labels) is None
    assert sample("nivesh_monitoring_window_rows", model_name="credit_risk", version="1.3.0") == 500
