"""The exporter's metrics keep the names and labels that dashboards, alerts and the guide of users depend on."""

from prometheus_client import REGISTRY, Gauge, generate_latest

from nivesh.monitoring import metrics
from nivesh.serving import metrics as serving

BY_FEATURE, BY_SOURCE = ("model_name", "version", "feature"), ("model_name", "version", "source")
EXPECTED = {
    "ml_drift_score": BY_FEATURE,
    "ml_drift_threshold": BY_FEATURE,
    "ml_missing_share": BY_FEATURE,
    "ml_model_accuracy": BY_SOURCE,
    "ml_model_accuracy_low": BY_SOURCE,
    "ml_model_accuracy_high": BY_SOURCE,
    "ml_model_accuracy_rows": BY_SOURCE,
    "ml_model_accuracy_expected": ("model_name", "version"),
    "nivesh_monitoring_last_success_timestamp_seconds": ("model_name",),
    "nivesh_monitoring_window_rows": ("model_name", "version"),
    "nivesh_retraining_requests": ("model_name", "outcome"),
    "nivesh_features_data_timestamp_seconds": ("group",),
    "nivesh_features_materialized_timestamp_seconds": ("group",),
    "nivesh_champion_info": ("model_name", "version"),
}


def test_the_exporters_names_and_labels():
    gauges = [one for one in vars(metrics).values() if isinstance(one, Gauge)]
    found = {one.describe()[0].name: one._labelnames for one in gauges}
    assert found == EXPECTED


def test_the_exporter_shows_nothing_of_a_server():
    text = generate_latest(metrics.REGISTRY).decode()
    assert "ml_active_models" not in text and "nivesh_prediction_log" not in text
    assert "process_resident_memory_bytes" in text


def test_server_and_exporter_have_one_accuracy_in_two_registries():
    metrics.ACCURACY.labels("test_metrics", "1.0.0", metrics.LABELLED).set(0.5)
    serving.ACCURACY.labels("test_metrics", "1.0.0", metrics.HELD_OUT).set(0.75)
    line = 'ml_model_accuracy{model_name="test_metrics",source="%s",version="1.0.0"} %s'
    assert line % ("labels", 0.5) in generate_latest(metrics.REGISTRY).decode()
    assert line % ("held_out", 0.75) in generate_latest(REGISTRY).decode()
    assert 'source="labels"' not in generate_latest(REGISTRY).decode()
