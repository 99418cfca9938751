"""The Prometheus metrics of serving, under the guide's names; ``version`` distinguishes a canary from the stable model."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

LABELS = ("model_name", "version")
HELD_OUT = "held_out"  # the source of an accuracy: the rows that the version was evaluated on
# Seconds: from a lookup of a millisecond to an answer of a remote model.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def accuracy_gauge(registry: CollectorRegistry) -> Gauge:
    """The model's primary metric by ``source``: held_out rows of the bundle, or labels or an estimate of served requests.

    Servers export the first and the monitoring exporter the others, so that a query takes both.
    """
    return Gauge(
        "ml_model_accuracy", "The model's primary metric, by the rows it is of", (*LABELS, "source"), registry=registry
    )


PREDICTIONS = Counter("ml_predictions_total", "Instances by status: success, client_error, error", (*LABELS, "status"))
LATENCY = Histogram("ml_prediction_latency_seconds", "Seconds from request to answer", LABELS, buckets=BUCKETS)
ERRORS = Counter("ml_errors_total", "Instances without a prediction, by kind of error", (*LABELS, "error_type"))
ACCURACY = accuracy_gauge(REGISTRY)
ACTIVE = Gauge("ml_active_models", "Models that are loaded and ready")
FEATURE_AGE = Histogram(
    "ml_feature_age_seconds",
    "Seconds between the time that a user's features describe and the request that reads them",
    LABELS,
    buckets=(60, 600, 3600, 6 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 35 * 86400, 90 * 86400),
)
PREDICTION_LOG_QUEUED = Gauge("nivesh_prediction_log_queued_rows", "Rows of the prediction log that wait in memory")
PREDICTION_LOG_SHIPPED = Counter("nivesh_prediction_log_shipped_rows_total", "Rows of the prediction log in its store")
PREDICTION_LOG_DROPPED = Counter(
    "nivesh_prediction_log_dropped_rows_total", "Rows that the prediction log lost, by reason", ("model_name", "reason")
)
PREDICTION_LOG_FAILURES = Counter("nivesh_prediction_log_failures_total", "Failed tries to ship the prediction log")
PREDICTION_LOG_WAITING = Gauge(
    "nivesh_prediction_log_oldest_waiting_seconds", "Age of the oldest segment that is not in the store"
)
ADVICE_SPENT = Gauge("nivesh_advice_spent_dollars", "US dollars spent or reserved for answers today (UTC)", LABELS)
ADVICE_BUDGET = Gauge("nivesh_advice_budget_dollars", "US dollars that answers may cost in a UTC day", LABELS)
