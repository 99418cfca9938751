"""The newest report of every model, the ledger of retraining and the age of the features, as Prometheus metrics.

A long-running process. Batch jobs cannot be scraped, and a push gateway would show their last numbers for ever: here a
monitoring run that stopped is visible as the age of ``nivesh_monitoring_last_success_timestamp_seconds``.
"""

import logging
import threading

from nivesh import models
from nivesh.errors import NiveshError
from nivesh.monitoring import metrics, window_report
from nivesh.monitoring.retraining_ledger import Ledger
from nivesh.monitoring.window_report import VersionReport, WindowReport
from nivesh.store import online_store
from nivesh.store.objects import ObjectStore, monitoring_store

log = logging.getLogger("nivesh.monitoring.exporter")

REFRESH_SECONDS = 60.0  # a report is made once a day or week, an alert's range is minutes
REPORT_GAUGES = (
    metrics.DRIFT_SCORE, metrics.DRIFT_THRESHOLD, metrics.MISSING_SHARE, metrics.ACCURACY, metrics.ACCURACY_LOW,
    metrics.ACCURACY_HIGH, metrics.ACCURACY_ROWS, metrics.ACCURACY_EXPECTED, metrics.LAST_SUCCESS, metrics.WINDOW_ROWS,
)  # fmt: skip


def export(host: str, port: int, stopping: threading.Event) -> None:
    """Serve ``/metrics`` until told to stop; the stores are read every ``REFRESH_SECONDS``.

    Raises:
        OSError: the port is taken.
    """
    from prometheus_client import start_http_server

    refresh()
    server, thread = start_http_server(port, addr=host, registry=metrics.REGISTRY)
    try:
        while not stopping.wait(REFRESH_SECONDS):
            refresh()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refresh() -> None:
    """Read every source and set the metrics. What one source cannot give keeps its old values, with a warning in the log."""
    for source in (_reports, _retraining, _features, _champions):
        try:
            source()
        except NiveshError as error:
            log.warning("%s: %s", source.__name__.strip("_"), error)
        except Exception as error:
            if not type(error).__module__.startswith("mlflow."):
                raise
            log.warning("champions: MLflow: %s", error)


def show(reports: list[WindowReport]) -> None:
    """Set the metrics of reports; series of models and versions that have none are removed."""
    for gauge in REPORT_GAUGES:
        gauge.clear()
    for report in reports:
        metrics.LAST_SUCCESS.labels(model_name=report.key).set(report.created.timestamp())
        for version in report.versions:
            _show_version({"model_name": report.key, "version": version.version}, version)


def _show_version(labels: dict[str, str], version: VersionReport) -> None:
    metrics.WINDOW_ROWS.labels(**labels).set(version.rows)
    for column in version.drift:
        named = labels | {"feature": column.column}
        metrics.DRIFT_SCORE.labels(**named).set(column.score)
        metrics.DRIFT_THRESHOLD.labels(**named).set(column.threshold)
        metrics.MISSING_SHARE.labels(**named).set(column.missing)
    for quality in version.quality:
        sourced = labels | {"source": quality.source}
        metrics.ACCURACY.labels(**sourced).set(quality.value)
        metrics.ACCURACY_LOW.labels(**sourced).set(quality.low)
        metrics.ACCURACY_HIGH.labels(**sourced).set(quality.high)
        metrics.ACCURACY_ROWS.labels(**sourced).set(quality.rows)
        metrics.ACCURACY_EXPECTED.labels(**labels).set(quality.expected)


def _reports() -> None:
    show(newest_reports(monitoring_store()))


def newest_reports(store: ObjectStore) -> list[WindowReport]:
    """The newest report of every model that has one."""
    found = [window_report.newest(store, key) for key in models.keys()]
    return [report for report in found if report is not None]


def _features() -> None:
    groups = sorted({models.get(key).spec.user_features for key in models.keys()} - {""})
    for gauge, read in (
        (metrics.FEATURES_DATA_TIME, online_store.materialized),
        (metrics.FEATURES_MATERIALIZED_TIME, online_store.last_loaded),
    ):
        found = {group: read(group) for group in groups}
        gauge.clear()
        for group, seconds in found.items():
            if seconds is not None:
                gauge.labels(group=group).set(seconds)


def _champions() -> None:
    from nivesh.registry import model_registry

    found = {}
    for key in models.keys():
        # MLflow refuses those who may only read the aliases of a model that is not there, but not the search.
        champion = model_registry.versions(key) and model_registry.by_alias(key, model_registry.CHAMPION)
        if champion:
            found[key] = model_registry.semantic_version(champion)
    metrics.CHAMPION.clear()
    for key, version in found.items():
        metrics.CHAMPION.labels(model_name=key, version=version).set(1)


def _retraining() -> None:
    store = monitoring_store()
    for key in models.keys():
        for outcome, number in Ledger(store, key).counts().items():
            metrics.RETRAINING_REQUESTS.labels(model_name=key, outcome=outcome).set(number)
