"""The metrics of the monitoring exporter: what a monitoring run found, as gauges that are set from its reports.

They are in a registry of their own. The process-wide one also holds a server's metrics, and those without labels would be
exported as 0 by a process that serves nothing: ``ml_active_models 0`` looks like a server that lost its models.
"""

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

from nivesh.serving.metrics import HELD_OUT, LABELS, accuracy_gauge

LABELLED, ESTIMATED = "labels", "estimate"  # beside HELD_OUT, the sources of an accuracy
SOURCES = (HELD_OUT, LABELLED, ESTIMATED)
OUTCOMES = ("started", "refused", "succeeded", "failed")  # of requests to train again

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(name, meaning, labels, registry=REGISTRY)


DRIFT_SCORE = _gauge("ml_drift_score", "-log10 of the p-value that a column has not changed", *LABELS, "feature")
DRIFT_THRESHOLD = _gauge("ml_drift_threshold", "The score above which a column has drifted", *LABELS, "feature")
MISSING_SHARE = _gauge("ml_missing_share", "Share of missing values of a column, 0 to 1", *LABELS, "feature")

ACCURACY = accuracy_gauge(REGISTRY)
ACCURACY_LOW = _gauge("ml_model_accuracy_low", "Lower end of the accuracy's 95 % interval", *LABELS, "source")
ACCURACY_HIGH = _gauge("ml_model_accuracy_high", "Upper end of the accuracy's 95 % interval", *LABELS, "source")
ACCURACY_ROWS = _gauge("ml_model_accuracy_rows", "Rows that the accuracy was computed from", *LABELS, "source")
ACCURACY_EXPECTED = _gauge(
    "ml_model_accuracy_expected", "The held-out value that the version was accepted with", *LABELS
)

LAST_SUCCESS = _gauge(
    "nivesh_monitoring_last_success_timestamp_seconds", "When the model's last monitoring run ended well", "model_name"
)
WINDOW_ROWS = _gauge("nivesh_monitoring_window_rows", "Predictions in the window of the last monitoring run", *LABELS)
RETRAINING_REQUESTS = _gauge(
    "nivesh_retraining_requests", "Requests to train a model again, by outcome, in the ledger", "model_name", "outcome"
)
FEATURES_DATA_TIME = _gauge(
    "nivesh_features_data_timestamp_seconds", "The time that a group's newest features describe", "group"
)
FEATURES_MATERIALIZED_TIME = _gauge(
    "nivesh_features_materialized_timestamp_seconds", "When a group of features was last materialised", "group"
)
CHAMPION = _gauge("nivesh_champion_info", "1 for the version that is the model's champion in the registry", *LABELS)
