"""The product's alerts: each once, as data. ``nivesh.monitoring.alert_files`` writes them for Prometheus.

A page needs somebody now; a ticket, on a working day. Each alert has a section with its name in docs/troubleshooting.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import Gauge

from nivesh import models
from nivesh.monitoring import metrics, objectives, queries
from nivesh.monitoring.objectives import BURN_RATES, DAY, BurnRate
from nivesh.monitoring.queries import Regex
from nivesh.serving import metrics as serving
from nivesh.spec import Spec

PAGE, TICKET = "page", "ticket"
WHO = "{{ $labels.model_name }} {{ $labels.version }}"


@dataclass(frozen=True)
class Alert:
    """One rule.

    Attributes:
        name: of the alert and of its section among the runbooks; several rules may share it and differ in ``labels``.
        expression: PromQL; the alert is pending for every series that it returns.
        wait: how long it must return one before the alert fires, a PromQL duration.
        severity: page or ticket.
        summary, description: templates of Prometheus; the description has the numbers.
        labels: beside the series' own and the severity.
    """

    name: str
    expression: str
    wait: str
    severity: str
    summary: str
    description: str
    labels: dict[str, str] = field(default_factory=dict)


def groups() -> dict[str, list[Alert]]:
    """All alerts by the group of rules that they are evaluated in."""
    specs = [models.get(key).spec for key in models.keys()]
    return {
        "nivesh-serving": [*_error_budget(), *_latency_budget(specs), *_not_served(), *_prediction_log(), *_advice()],
        "nivesh-models": [*_quality(specs), *_inputs()],
        "nivesh-features": [*_features(specs)],
        "nivesh-monitoring": [*_monitoring()],
    }


def _error_budget() -> Iterator[Alert]:
    for rate in BURN_RATES:
        limit = f"{rate.factor * objectives.ERROR_BUDGET:g}"
        yield Alert(
            "NiveshErrorBudgetBurn",
            f"({queries.error_ratio(rate.long)}) > {limit}\n"
            f"and ({queries.error_ratio(rate.short)}) > {limit}\n"
            f"and {queries.failed_requests(rate.long)} >= {objectives.MIN_EVENTS}",
            "2m",
            rate.severity,
            f"{WHO} fails",
            f"{{{{ $value | humanizePercentage }}}} of the instances of {WHO} failed within {rate.long}, and more than "
            f"{rate.factor * objectives.ERROR_BUDGET:.2%} within {rate.short}; {objectives.ERROR_BUDGET:.1%} may fail.",
            {"window": rate.long},
        )


def _latency_budget(specs: list[Spec]) -> Iterator[Alert]:
    remote = "|".join(spec.key for spec in specs if spec.runtime == "remote")
    local = "|".join(spec.key for spec in specs if spec.runtime != "remote")
    for rate in BURN_RATES:
        for names, seconds in ((local, objectives.LOCAL_SECONDS), (remote, objectives.REMOTE_SECONDS)):
            yield _slow(rate, Regex(names), seconds)


def _slow(rate: BurnRate, names: Regex, seconds: float) -> Alert:
    limit = f"{rate.factor * objectives.SLOW_BUDGET:g}"
    return Alert(
        "NiveshLatencyBudgetBurn",
        f"{queries.slow_ratio(seconds, rate.long, model_name=names)} > {limit}\n"
        f"and {queries.slow_ratio(seconds, rate.short, model_name=names)} > {limit}\n"
        f"and {queries.slow_answers(seconds, rate.long, model_name=names)} >= {objectives.MIN_EVENTS}",
        "2m",
        rate.severity,
        f"{WHO} is slow",
        f"{{{{ $value | humanizePercentage }}}} of the answers of {WHO} within {rate.long}, and more than "
        f"{rate.factor * objectives.SLOW_BUDGET:.0%} within {rate.short}, took longer than {seconds:g} s; "
        f"{objectives.SLOW_BUDGET:.0%} may.",
        {"window": rate.long, "objective": f"{seconds:g}s"},
    )


def _not_served() -> Iterator[Alert]:
    champion = queries.gauge(metrics.CHAMPION)
    any_version = queries.served_versions(by="model_name")
    yield Alert(
        "NiveshModelNotServed",
        f"{champion}\nunless on (model_name) {any_version}",
        "5m",
        PAGE,
        "{{ $labels.model_name }} is not served",
        f"The registry's champion is {WHO}, and no server that Prometheus scrapes has loaded any version of it.",
    )
    yield Alert(
        "NiveshChampionNotServed",
        f"({champion}\nunless on (model_name, version) {queries.served_versions()})\nand on (model_name) {any_version}",
        "30m",
        TICKET,
        "The champion of {{ $labels.model_name }} is not served",
        f"The registry's champion is {WHO}; the servers have loaded other versions of it only.",
    )
    yield Alert(
        "NiveshServerDown",
        queries.servers_down(),
        "5m",
        PAGE,
        "A model server does not answer",
        "{{ $labels.instance }} (job {{ $labels.job }}) served models within the last day and does not answer Prometheus.",
    )


def _prediction_log() -> Iterator[Alert]:
    yield Alert(
        "NiveshPredictionsNotLogged",
        f"{queries.events(serving.PREDICTION_LOG_DROPPED, '10m', 'model_name, reason')} > 0",
        "0m",
        TICKET,
        "The prediction log loses rows",
        '{{ $value | printf "%.0f" }} predictions of {{ $labels.model_name }} were lost within 10 minutes, reason '
        "{{ $labels.reason }}: drift and accuracy do not see them.",
    )
    yield Alert(
        "NiveshPredictionStoreAway",
        f"{queries.gauge(serving.PREDICTION_LOG_WAITING, by='instance')} > 3600",
        "5m",
        TICKET,
        "Predictions are not shipped to their store",
        "The oldest segment on {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}. Rows are lost when "
        "128 MB wait.",
    )


def _advice() -> Iterator[Alert]:
    spent = queries.events(serving.ERRORS, "15m", error_type="over_budget_advice_budget")
    yield Alert(
        "NiveshAdviceBudgetLow",
        f"{queries.advice_budget_used()} > {objectives.ADVICE_BUDGET_SHARE:g}",
        "0m",
        TICKET,
        "The day's budget for advice is nearly spent",
        f"{{{{ $value | humanizePercentage }}}} of today's budget of {WHO} is spent or reserved; it is renewed at midnight "
        "UTC.",
    )
    yield Alert(
        "NiveshAdviceBudgetSpent",
        f"{spent} > 0",
        "0m",
        PAGE,
        "Questions get no advice: the day's budget is spent",
        f'{{{{ $value | printf "%.0f" }}}} questions to {WHO} got an apology within 15 minutes, because the day\'s budget is '
        "spent; it is renewed at midnight UTC.",
    )


def _quality(specs: list[Spec]) -> Iterator[Alert]:
    higher = Regex("|".join(spec.key for spec in specs if spec.higher_is_better))
    lower = Regex("|".join(spec.key for spec in specs if not spec.higher_is_better))
    for source, severity in ((metrics.LABELLED, PAGE), (metrics.ESTIMATED, TICKET)):
        name = "NiveshAccuracyDrop" if source == metrics.LABELLED else "NiveshAccuracyEstimateDrop"
        evidence = "labels of served requests" if source == metrics.LABELLED else "the estimate without labels"
        worse = [
            f"{queries.gauge(end, source=source, model_name=names)}\n"
            f"  {sign} {queries.gauge(metrics.ACCURACY_EXPECTED, model_name=names)}"
            for names, end, sign in ((higher, metrics.ACCURACY_HIGH, "<"), (lower, metrics.ACCURACY_LOW, ">"))
        ]
        yield Alert(
            name,
            f"({worse[0]}\nor {worse[1]})\n"
            f"and {queries.gauge(metrics.ACCURACY_ROWS, source=source)} >= {objectives.MIN_LABELLED_ROWS}",
            "10m",
            severity,
            f"{WHO} is worse than when it was accepted",
            f'By {evidence}, the primary metric of {WHO} is at best {{{{ $value | printf "%.3f" }}}} (end of its interval)'
            f"{_also(metrics.ACCURACY_EXPECTED, ', and it was accepted with ')}.",
        )


def _also(metric: Gauge, words: str) -> str:
    """A template that looks up another gauge of the same model and version, and says nothing where it is gone."""
    series = f"{queries.name(metric)}{{model_name='%s',version='%s'}}"
    found = f'{{{{ with printf "{series}" $labels.model_name $labels.version | query }}}}'
    return f'{found}{words}{{{{ . | first | value | printf "%.3f" }}}}{{{{ end }}}}'


def _inputs() -> Iterator[Alert]:
    by = f"{queries.BY}, feature"
    drifted = f"({queries.drift_ratio()}) > 1"
    missing = queries.gauge(metrics.MISSING_SHARE, by=by)
    yield Alert(
        "NiveshDataDrift",
        drifted,
        "10m",
        TICKET,
        f"{{{{ $labels.feature }}}} of {WHO} has drifted",
        f'The drift score of {{{{ $labels.feature }}}} ({WHO}) is {{{{ $value | printf "%.1f" }}}} times its threshold in the '
        "last monitoring run.",
    )
    yield Alert(
        "NiveshMissingValues",
        f"{missing} > {objectives.MISSING_SHARE:g}\nand {drifted}",
        "10m",
        PAGE,
        f"{{{{ $labels.feature }}}} of {WHO} is missing",
        f"{{{{ $value | humanizePercentage }}}} of the values of {{{{ $labels.feature }}}} ({WHO}) are missing in the last "
        "monitoring run, and it has changed against the training data: a fault of its source.",
    )


def _features(specs: list[Spec]) -> Iterator[Alert]:
    for spec in specs:
        if spec.user_features and spec.max_feature_age is not None:
            limit = objectives.FEATURE_AGE_SHARE * spec.max_feature_age
            yield Alert(
                "NiveshFeaturesOld",
                f"{queries.age(metrics.FEATURES_DATA_TIME, by='group', group=spec.user_features)} > {limit:.0f}",
                "10m",
                TICKET,
                f"The features of {spec.key} are old",
                f"The newest {spec.user_features} features are {{{{ $value | humanizeDuration }}}} old; {spec.key} refuses "
                f"them after {spec.max_feature_age / DAY:g} days.",
                {"model_name": spec.key},
            )
    yield Alert(
        "NiveshMaterializationMissed",
        f"{queries.age(metrics.FEATURES_MATERIALIZED_TIME, by='group')} > {objectives.MATERIALIZATION_SECONDS}",
        "10m",
        TICKET,
        "The {{ $labels.group }} features were not materialised",
        "The last materialisation of the {{ $labels.group }} features was {{ $value | humanizeDuration }} ago; one a day is "
        "expected.",
    )


def _monitoring() -> Iterator[Alert]:
    old = f"{queries.age(metrics.LAST_SUCCESS, by='model_name')} > {objectives.MONITORING_SECONDS}"
    never = f"{queries.gauge(metrics.CHAMPION, by='model_name')}\nunless on (model_name) {queries.name(metrics.LAST_SUCCESS)}"
    yield Alert(
        "NiveshMonitoringMissed",
        old,
        "10m",
        TICKET,
        "{{ $labels.model_name }} is not monitored",
        "The last monitoring run of {{ $labels.model_name }} that ended well was {{ $value | humanizeDuration }} ago: its "
        "drift and accuracy are as old.",
    )
    yield Alert(
        "NiveshMonitoringNeverRan",
        never,
        f"{objectives.MONITORING_SECONDS // DAY}d",
        TICKET,
        "{{ $labels.model_name }} was never monitored",
        "{{ $labels.model_name }} has had a champion for "
        f"{objectives.MONITORING_SECONDS // DAY} days, and no monitoring run of it has ended well.",
    )
    yield Alert(
        "NiveshExporterDown",
        f"absent({queries.name(metrics.CHAMPION)})",
        "15m",
        TICKET,
        "The monitoring exporter does not answer",
        "No exporter tells Prometheus about champions, drift and accuracy, so that their alerts cannot fire; or the registry has "
        "no champion.",
    )
    yield Alert(
        "NiveshRetrainingFailed",
        queries.retraining_failures(),
        "0m",
        TICKET,
        "Training {{ $labels.model_name }} again has failed",
        'The ledger has {{ $value | printf "%.0f" }} failed requests to train {{ $labels.model_name }} again, the last of them '
        "within the hour.",
    )
