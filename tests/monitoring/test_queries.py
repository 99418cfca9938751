"""The queries as text; tests/cluster/test_prometheus.py asks them of a Prometheus."""

import re

import pytest

from nivesh.monitoring import queries
from nivesh.serving import metrics

EACH = [
    queries.requests_per_second, queries.requests, queries.errors_per_second, queries.errors_by_type,
    queries.error_ratio, queries.latency, queries.traffic_share,
]  # fmt: skip


@pytest.mark.parametrize("query", EACH, ids=lambda query: query.__name__)
def test_asks_metrics_that_serving_has_by_model_and_version(query):
    text = query(window="1m", model_name="iris")
    served = {
        sample for metric in (metrics.PREDICTIONS, metrics.ERRORS) for sample in [metric.describe()[0].name + "_total"]
    }
    served.add(metrics.LATENCY.describe()[0].name + "_bucket")
    assert set(re.findall(r"\bml_\w+", text)) <= served
    assert "model_name, version" in text
    assert text.count('{model_name="iris"') == text.count("[1m]") > 0
    assert text.count("(") == text.count(")")


def test_exactly():
    assert queries.requests_per_second() == "sum by (model_name, version) (rate(ml_predictions_total[5m]))"
    assert queries.latency(0.5, "2m", version="1.0.0") == (
        "histogram_quantile(0.5, sum by (le, model_name, version) "
        '(rate(ml_prediction_latency_seconds_bucket{version="1.0.0"}[2m]))) >= 0'
    )


def test_labels_are_quoted():
    assert queries.requests(version='a"b\\c').count(r'version="a\"b\\c"') == 1
