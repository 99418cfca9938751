"""Data Drift Monitoring."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from nivesh.monitoring import metrics, objectives, queries
from nivesh.monitoring.dashboards.panels import BY_VERSION, MODEL, ORANGE, RED, SELECTED, Panel, Query, build, figure

BY_FEATURE = f"{queries.BY}, feature"
FEATURE = f"{BY_VERSION} {{{{feature}}}}"
STRONGEST = 15  # features in a panel of lines or bars; the table has all


def dashboard() -> Dashboard:
    """The dashboard of what a monitoring run found about the inputs, and of the age of features."""
    return build(
        "Data Drift Monitoring",
        "nivesh-drift",
        "Which inputs have changed against the training data, by the tests of the last monitoring run, and how old the "
        "online features are.",
        {"Now": _now(), "Drift": _drift(), "Missing values": _missing(), "Features": _features()},
    )


def _now() -> list[Panel]:
    return [
        figure(
            "Features that have drifted",
            "Number of features whose score is above its threshold, over all selected models and versions.",
            "none",
            f"sum({queries.drifted_features(**SELECTED)})",
            (1, RED),
        ),
        figure(
            "Strongest drift",
            "Score over threshold of the feature that has changed most; above 1 it has drifted.",
            "none",
            f"max({queries.drift_ratio(**SELECTED)})",
            (0.8, ORANGE),
            (1, RED),
        ),
        figure(
            "Largest share of missing values",
            "Of the feature with most missing values in the last window.",
            "percentunit",
            f"max({queries.gauge(metrics.MISSING_SHARE, by=BY_FEATURE, **SELECTED)})",
            (objectives.MISSING_SHARE, RED),
        ),
        figure(
            "Oldest monitoring run",
            "Age of the last monitoring run that ended well, of the selected model whose run is oldest.",
            "s",
            f"max({queries.age(metrics.LAST_SUCCESS, by='model_name', **MODEL)})",
            (objectives.MONITORING_SECONDS, RED),
        ),
    ]


def _drift() -> list[Panel]:
    return [
        Panel(
            "Features that have drifted",
            "Number of features above their threshold, by model and version.",
            "none",
            [Query(queries.drifted_features(**SELECTED))],
            floor=0,
        ),
        Panel(
            f"Drift of the {STRONGEST} strongest features",
            "Score (-log10 of the p-value that nothing has changed) over its threshold; above 1 the feature has drifted. The "
            "threshold keeps false alarms of a model to 5 % of its years.",
            "none",
            [Query(f"topk({STRONGEST}, {queries.drift_ratio(**SELECTED)})", FEATURE)],
            "bars",
            height=8,
            steps=[(0.8, ORANGE), (1, RED)],
            ceiling=3,
        ),
        Panel(
            "Drift over time",
            "Score over threshold by feature; the dashed line is the threshold. One point for each monitoring run.",
            "none",
            [Query(f"topk({STRONGEST}, {queries.drift_ratio(**SELECTED)})", FEATURE)],
            width=24,
            height=10,
            steps=[(1, RED)],
            floor=0,
        ),
        Panel(
            "All features",
            "Score, threshold and share of missing values in the last window. The report of the run has distributions.",
            "none",
            [
                Query(queries.gauge(metrics.DRIFT_SCORE, by=BY_FEATURE, **SELECTED), "Score"),
                Query(queries.gauge(metrics.DRIFT_THRESHOLD, by=BY_FEATURE, **SELECTED), "Threshold"),
                Query(queries.gauge(metrics.MISSING_SHARE, by=BY_FEATURE, **SELECTED), "Missing share"),
            ],
            "table",
            width=24,
            height=10,
        ),
    ]


def _missing() -> list[Panel]:
    missing = queries.gauge(metrics.MISSING_SHARE, by=BY_FEATURE, **SELECTED)
    return [
        Panel(
            "Share of missing values",
            "By feature, of those with most. A feature that is suddenly missing is a fault of its source and no reason to "
            "train again.",
            "percentunit",
            [Query(f"topk({STRONGEST}, {missing})", FEATURE)],
            floor=0,
            ceiling=1,
        ),
        Panel(
            "Predictions in the last window",
            "Rows of the prediction log that were compared: with more rows, smaller changes are found.",
            "none",
            [Query(queries.gauge(metrics.WINDOW_ROWS, **SELECTED))],
            floor=0,
        ),
    ]


def _features() -> list[Panel]:
    return [
        Panel(
            "Age of the newest features",
            "Time since what a group's newest features describe. Models refuse features that are too old.",
            "s",
            [Query(queries.age(metrics.FEATURES_DATA_TIME, by="group"), "{{group}}")],
            width=8,
            floor=0,
        ),
        Panel(
            "Time since the last materialisation",
            "Since a group of features was last computed and loaded into Redis.",
            "s",
            [Query(queries.age(metrics.FEATURES_MATERIALIZED_TIME, by="group"), "{{group}}")],
            width=8,
            steps=[(objectives.MATERIALIZATION_SECONDS, RED)],
            floor=0,
        ),
        Panel(
            "Time since the last monitoring run",
            "Since the last run that ended well, by model: drift and accuracy are as old.",
            "s",
            [Query(queries.age(metrics.LAST_SUCCESS, by="model_name", **MODEL), "{{model_name}}")],
            width=8,
            steps=[(objectives.MONITORING_SECONDS, RED)],
            floor=0,
        ),
    ]
