"""Prediction Latency & Throughput."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from nivesh.monitoring import objectives, queries
from nivesh.monitoring.dashboards.panels import (
    BY_VERSION,
    GREEN,
    ORANGE,
    RATE,
    RED,
    SELECTED,
    Panel,
    Query,
    build,
    figure,
)


def dashboard() -> Dashboard:
    """The dashboard of times and volumes."""
    return build(
        "Prediction Latency & Throughput",
        "nivesh-latency",
        "How long predictions take and how many there are, by model and version; the objectives are those of the alerts.",
        {"Now": _now(), "Latency": _latency(), "Throughput": _throughput(), "Features": _features()},
    )


def _now() -> list[Panel]:
    return [
        figure(
            "Predictions per second",
            "Instances of any status, over all selected models and versions.",
            "reqps",
            f"sum({queries.requests_per_second(RATE, **SELECTED)})",
        ),
        figure(
            "Slowest median",
            "Half of the requests take longer; of the selected version that is slowest.",
            "s",
            f"max({queries.latency(0.5, RATE, **SELECTED)})",
        ),
        figure(
            "Slowest 99th percentile",
            "One in a hundred requests takes longer; of the selected version that is slowest.",
            "s",
            f"max({queries.latency(0.99, RATE, **SELECTED)})",
            (objectives.LOCAL_SECONDS, ORANGE),
            (objectives.REMOTE_SECONDS, RED),
        ),
        figure(
            "Versions that answer",
            "Versions of the selected models that have answered requests recently.",
            "none",
            f"count({queries.latency(0.5, RATE, **SELECTED)})",
            (1, GREEN),
            base=RED,
        ),
    ]


def _latency() -> list[Panel]:
    quantiles = [("50th", 0.5), ("95th", 0.95), ("99th", 0.99)]
    return [
        *(
            Panel(
                f"Latency, {name} percentile",
                f"Seconds from request to answer: {1 - quantile:.0%} of the requests take longer. Estimated within the "
                "buckets of the histogram.",
                "s",
                [Query(queries.latency(quantile, RATE, **SELECTED))],
                width=8,
                floor=0,
            )
            for name, quantile in quantiles
        ),
        Panel(
            "Distribution of latencies",
            "Answers per second by how long they took, over all selected models and versions. Two bands are two kinds of "
            "requests, or two versions.",
            "s",
            [Query(queries.latency_buckets(RATE, **SELECTED), "{{le}}")],
            "heatmap",
        ),
        Panel(
            "Mean latency",
            "Mean seconds from request to answer. Far above the median it shows a few very slow requests.",
            "s",
            [Query(queries.mean_latency(RATE, **SELECTED))],
            floor=0,
        ),
        Panel(
            f"Answers slower than {objectives.LOCAL_SECONDS:g} s",
            f"Fraction of answers above the objective of models that answer themselves; {objectives.SLOW_BUDGET:.0%} may be.",
            "percentunit",
            [Query(queries.slow_ratio(objectives.LOCAL_SECONDS, RATE, **SELECTED))],
            steps=[(objectives.SLOW_BUDGET, RED)],
            floor=0,
        ),
        Panel(
            f"Answers slower than {objectives.REMOTE_SECONDS:g} s",
            f"Fraction of answers above the objective of models that ask Vertex AI; {objectives.SLOW_BUDGET:.0%} may be.",
            "percentunit",
            [Query(queries.slow_ratio(objectives.REMOTE_SECONDS, RATE, **SELECTED))],
            steps=[(objectives.SLOW_BUDGET, RED)],
            floor=0,
        ),
    ]


def _throughput() -> list[Panel]:
    return [
        Panel(
            "Predictions per second",
            "Instances of any status by model and version, a canary beside the stable version.",
            "reqps",
            [Query(queries.requests_per_second(RATE, **SELECTED))],
            floor=0,
        ),
        Panel(
            "Predictions per second by status",
            "success, client_error (the request was wrong) or error (the server failed).",
            "reqps",
            [Query(queries.requests_by_status(RATE, **SELECTED), f"{BY_VERSION} {{{{status}}}}")],
            floor=0,
            stacked=True,
        ),
        Panel(
            "Share of requests",
            "Fraction of a model's instances that each version received.",
            "percentunit",
            [Query(queries.traffic_share(RATE, **SELECTED))],
            floor=0,
            ceiling=1,
        ),
        Panel(
            "Instances per request",
            "Mean number of instances in an answered request: larger batches take longer.",
            "none",
            [Query(queries.batch_size(RATE, **SELECTED))],
            floor=0,
        ),
    ]


def _features() -> list[Panel]:
    return [
        Panel(
            "Age of the online features, 95th percentile",
            "Time between what a user's features describe and the request that reads them. Models refuse features that are "
            "too old.",
            "s",
            [Query(queries.feature_age(0.95, RATE, **SELECTED))],
            width=24,
            floor=0,
        )
    ]
