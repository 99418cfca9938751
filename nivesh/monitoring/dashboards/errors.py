"""Error Rates & Types."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from nivesh.monitoring import objectives, queries
from nivesh.monitoring.dashboards.panels import (
    BY_VERSION,
    MODEL,
    ORANGE,
    RANGE,
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
    """The dashboard of failures: the server's, the client's, the advisor's and the prediction log's."""
    return build(
        "Error Rates & Types",
        "nivesh-errors",
        "What fails, by kind, model and version; how fast it spends the budget of the alerts; and what the prediction log "
        "loses.",
        {
            "Now": _now(),
            "Server's errors": _server(),
            "Kinds of error": _kinds(),
            "Advisor": _advisor(),
            "Prediction log": _prediction_log(),
        },
    )


def _now() -> list[Panel]:
    short = objectives.BURN_RATES[0].short
    return [
        figure(
            "Worst error ratio",
            "Fraction of instances that the server failed on, of the selected version that fails most.",
            "percentunit",
            f"max({queries.error_ratio(RATE, **SELECTED)})",
            (objectives.ERROR_BUDGET, ORANGE),
            (objectives.BURN_RATES[0].factor * objectives.ERROR_BUDGET, RED),
        ),
        figure(
            f"Fastest burn rate, {short}",
            "How many times as many instances fail as the budget allows. At 1 the budget of a month lasts a month.",
            "none",
            f"max({_burn(short)})",
            (1, ORANGE),
            (objectives.BURN_RATES[0].factor, RED),
        ),
        figure(
            "Errors per second",
            "Instances without a prediction, of any kind, over all selected models and versions.",
            "reqps",
            f"sum({queries.errors_per_second(RATE, **SELECTED)})",
        ),
        figure(
            "Servers down",
            "Targets that served models within the last day and do not answer Prometheus now.",
            "none",
            f"count({queries.servers_down()}) or vector(0)",
            (1, RED),
        ),
    ]


def _burn(window: str) -> str:
    return f"({queries.error_ratio(window, **SELECTED)}) / {objectives.ERROR_BUDGET:g}"


def _server() -> list[Panel]:
    return [
        Panel(
            "Error ratio",
            f"Fraction of instances that the server failed on; {objectives.ERROR_BUDGET:.1%} may fail. A client's mistakes do "
            "not count.",
            "percentunit",
            [Query(queries.error_ratio(RATE, **SELECTED))],
            steps=[(objectives.ERROR_BUDGET, RED)],
            floor=0,
        ),
        Panel(
            "Client error ratio",
            "Fraction of instances that were refused because of the request: schema, unknown user, too large. A jump is a "
            "client's new release.",
            "percentunit",
            [Query(queries.client_error_ratio(RATE, **SELECTED))],
            floor=0,
        ),
        *(
            Panel(
                f"Burn rate, {rate.long} and {rate.short}",
                f"Error ratio over its budget in both windows; the alert ({rate.severity}) fires where both are above "
                f"{rate.factor:g} and at least {objectives.MIN_EVENTS} instances failed within {rate.long}.",
                "none",
                [
                    Query(_burn(rate.long), f"{BY_VERSION} {rate.long}"),
                    Query(_burn(rate.short), f"{BY_VERSION} {rate.short}"),
                ],
                width=8,
                steps=[(rate.factor, RED)],
                floor=0,
            )
            for rate in objectives.BURN_RATES
        ),
    ]


def _kinds() -> list[Panel]:
    return [
        Panel(
            "Errors per second by kind",
            "Instances without a prediction by error_type, the name of the error. The advisor's refusals are among them.",
            "reqps",
            [Query(queries.errors_by_type(RATE, **SELECTED), f"{BY_VERSION} {{{{error_type}}}}")],
            floor=0,
            stacked=True,
        ),
        Panel(
            "Errors in the selected time",
            "Number of instances without a prediction by kind, model and version.",
            "none",
            [Query(queries.errors_in_window(RANGE, **SELECTED), "Errors")],
            "table",
        ),
    ]


def _advisor() -> list[Panel]:
    return [
        Panel(
            "Budget for advice that is spent",
            "Fraction of the day's budget (UTC) that is spent or reserved. When all is spent, questions get an apology.",
            "percentunit",
            [Query(queries.advice_budget_used(**SELECTED))],
            steps=[(objectives.ADVICE_BUDGET_SHARE, ORANGE), (1, RED)],
            floor=0,
        ),
        Panel(
            "US dollars spent on advice today",
            "Spent or reserved since midnight UTC, and the day's budget.",
            "currencyUSD",
            [
                Query(queries.gauge(serving.ADVICE_SPENT, **SELECTED), f"{BY_VERSION} spent"),
                Query(queries.gauge(serving.ADVICE_BUDGET, **SELECTED), f"{BY_VERSION} budget"),
            ],
            floor=0,
        ),
    ]


def _prediction_log() -> list[Panel]:
    return [
        Panel(
            "Rows dropped",
            "Rows that the prediction log lost in the window, by model and reason: drift and accuracy do not see them.",
            "none",
            [
                Query(
                    queries.events(serving.PREDICTION_LOG_DROPPED, RATE, "model_name, reason", **MODEL),
                    "{{model_name}} {{reason}}",
                )
            ],
            width=8,
            floor=0,
        ),
        Panel(
            "Rows shipped per second, and waiting",
            "Rows written to the store, and rows that wait in memory. Waiting rows that grow are a store that is slow or "
            "away.",
            "none",
            [
                Query(f"sum({queries.rate(serving.PREDICTION_LOG_SHIPPED, RATE)})", "shipped per second"),
                Query(queries.gauge(serving.PREDICTION_LOG_QUEUED, "sum", by=""), "waiting in memory"),
                Query(f"sum({queries.rate(serving.PREDICTION_LOG_FAILURES, RATE)})", "failed tries per second"),
            ],
            width=8,
            floor=0,
        ),
        Panel(
            "Oldest row that waits",
            "Age of the oldest segment that is not in the store. While the store is away, segments wait on disk.",
            "s",
            [Query(queries.gauge(serving.PREDICTION_LOG_WAITING, by=""), "oldest")],
            width=8,
            floor=0,
        ),
    ]
