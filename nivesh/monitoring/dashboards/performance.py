"""Model Performance Overview: is each model served, how good is it, how is it used."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from nivesh.monitoring import metrics, objectives, queries
from nivesh.monitoring.dashboards.panels import (
    BY_VERSION,
    GREEN,
    MODEL,
    ORANGE,
    RATE,
    RED,
    SELECTED,
    Panel,
    Query,
    build,
    figure,
)
from nivesh.serving import metrics as serving


def dashboard() -> Dashboard:
    """The dashboard of quality and use of each model and version."""
    return build(
        "Model Performance Overview",
        "nivesh-performance",
        "Which versions are served, how good they are on held-out rows, on labels and by estimate, and how they are used.",
        {"Now": _now(), "Quality": _quality(), "Use": _use(), "Training again": _retraining()},
    )


def _now() -> list[Panel]:
    last_run = queries.age(metrics.LAST_SUCCESS, by="model_name", **MODEL)
    return [
        figure(
            "Models served",
            "Models of which a server has loaded a version.",
            "none",
            f"count({queries.served_versions(by='model_name', **SELECTED)})",
            (1, GREEN),
            base=RED,
        ),
        figure(
            "Predictions per second",
            "Instances of any status, over all selected models and versions.",
            "reqps",
            f"sum({queries.requests_per_second(RATE, **SELECTED)})",
        ),
        figure(
            "Worst error ratio",
            "Fraction of instances that the server failed on, of the selected version that fails most. A client's mistakes "
            "do not count.",
            "percentunit",
            f"max({queries.error_ratio(RATE, **SELECTED)})",
            (objectives.ERROR_BUDGET, ORANGE),
            (objectives.BURN_RATES[0].factor * objectives.ERROR_BUDGET, RED),
        ),
        figure(
            "Oldest monitoring run",
            "Age of the last monitoring run that ended well, of the selected model whose run is oldest. A figure of drift or "
            "of accuracy is as old.",
            "s",
            f"max({last_run})",
            (objectives.MONITORING_SECONDS, RED),
        ),
        Panel(
            "Versions",
            "Versions that servers have loaded (Served) and champions of the registry (Champion), with the share of the "
            "model's instances and the value on held-out rows. A champion that is not served raises an alert.",
            "none",
            [
                Query(queries.served_versions(**SELECTED), "Served"),
                Query(queries.gauge(metrics.CHAMPION, **SELECTED), "Champion"),
                Query(queries.traffic_share(RATE, **SELECTED), "Share of requests"),
                Query(queries.gauge(serving.ACCURACY, **SELECTED, source=metrics.HELD_OUT), "Held-out value"),
            ],
            "table",
            width=24,
        ),
    ]


def _quality() -> list[Panel]:
    return [
        _with_interval(
            "Primary metric by labels",
            "The primary metric of requests whose outcome is known, its interval, and the value that the version was "
            "accepted with. The alert compares the end of the interval with the accepted value.",
            metrics.LABELLED,
        ),
        _with_interval(
            "Primary metric by estimate",
            "The primary metric estimated from calibrated probabilities, without labels, and its interval. It does not see a "
            "change in the meaning of the inputs.",
            metrics.ESTIMATED,
        ),
        Panel(
            "Primary metric by source",
            "Held-out rows of training (held_out), labels of served requests (labels), and the estimate (estimate).",
            "none",
            [Query(queries.accuracy(metrics.ACCURACY, **SELECTED), f"{BY_VERSION} {{{{source}}}}")],
        ),
        Panel(
            "Rows behind the metric",
            "Number of rows that each value was computed from: with few rows the interval is wide.",
            "none",
            [Query(queries.accuracy(metrics.ACCURACY_ROWS, **SELECTED), f"{BY_VERSION} {{{{source}}}}")],
            floor=0,
        ),
    ]


def _with_interval(title: str, description: str, source: str) -> Panel:
    """The primary metric of a source with its interval, beside the value that the version was accepted with."""
    selected = {**SELECTED, "source": source}
    return Panel(
        title,
        description,
        "none",
        [
            Query(queries.gauge(metrics.ACCURACY, **selected)),
            Query(queries.gauge(metrics.ACCURACY_LOW, **selected), f"{BY_VERSION} low"),
            Query(queries.gauge(metrics.ACCURACY_HIGH, **selected), f"{BY_VERSION} high"),
            Query(queries.gauge(metrics.ACCURACY_EXPECTED, **SELECTED), f"{BY_VERSION} accepted with"),
        ],
        height=10,
    )


def _use() -> list[Panel]:
    return [
        Panel(
            "Share of requests",
            "Fraction of a model's instances that each version received: a canary beside the stable version.",
            "percentunit",
            [Query(queries.traffic_share(RATE, **SELECTED))],
            width=8,
            floor=0,
            ceiling=1,
        ),
        Panel(
            "Error ratio",
            "Fraction of instances that the server failed on.",
            "percentunit",
            [Query(queries.error_ratio(RATE, **SELECTED))],
            width=8,
            floor=0,
        ),
        Panel(
            "Latency, 99th percentile",
            "Seconds from request to answer that one in a hundred requests exceeds.",
            "s",
            [Query(queries.latency(0.99, RATE, **SELECTED))],
            width=8,
            floor=0,
        ),
    ]


def _retraining() -> list[Panel]:
    return [
        Panel(
            "Requests to train again",
            "Requests in the ledger by outcome. Each refused one has its reason there.",
            "none",
            [
                Query(
                    queries.gauge(metrics.RETRAINING_REQUESTS, by="model_name, outcome", **MODEL),
                    "{{model_name}} {{outcome}}",
                )
            ],
            floor=0,
        ),
        Panel(
            "Predictions in the last window",
            "Rows of the prediction log that the last monitoring run compared.",
            "none",
            [Query(queries.gauge(metrics.WINDOW_ROWS, **SELECTED))],
            floor=0,
        ),
    ]
