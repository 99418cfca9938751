"""The PromQL queries of dashboards, alerts and the gates of a rollout.

Each query returns one sample per model and version, unless said otherwise. A version without requests has no sample, so
that missing data never passes a gate. The keyword arguments ``labels`` are label matchers, such as ``version="1.0.0"`` or
``version=Regex("$version")``; ``window`` is a PromQL duration, or Grafana's ``$__rate_interval``.
"""

from prometheus_client import Counter, Gauge
from prometheus_client.metrics import MetricWrapperBase

from nivesh.monitoring import metrics as monitored
from nivesh.serving import metrics as served
from nivesh.serving.metrics import ERRORS, LATENCY, PREDICTIONS

WINDOW = "5m"
BY = "model_name, version"


class Regex(str):
    """A label's value that is a regular expression; Grafana's variables are."""

    __slots__ = ()


def requests_per_second(window: str = WINDOW, **labels: str) -> str:
    """Instances per second, of any status."""
    return f"sum by ({BY}) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"


def requests(window: str = WINDOW, **labels: str) -> str:
    """Number of instances in the window, to require a minimum before comparing versions."""
    return f"sum by ({BY}) (increase({_total(PREDICTIONS)}{_where(labels)}[{window}]))"


def errors_per_second(window: str = WINDOW, **labels: str) -> str:
    """Instances without a prediction per second; 0 where there were requests and no error."""
    failed = f"sum by ({BY}) (rate({_total(ERRORS)}{_where(labels)}[{window}]))"
    return f"({failed} or 0 * {requests_per_second(window, **labels)})"


def errors_by_type(window: str = WINDOW, **labels: str) -> str:
    """Instances without a prediction per second: one sample per model, version and ``error_type``."""
    return f"sum by ({BY}, error_type) (rate({_total(ERRORS)}{_where(labels)}[{window}]))"


def error_ratio(window: str = WINDOW, **labels: str) -> str:
    """Fraction of instances with status ``error``, 0 to 1; no sample where there were no requests."""
    failed = f"sum by ({BY}) (rate({_total(PREDICTIONS)}{_where(labels | {'status': 'error'})}[{window}]))"
    total = requests_per_second(window, **labels)
    return f"({failed} or 0 * {total}) / ({total} > 0)"


def latency(quantile: float = 0.99, window: str = WINDOW, **labels: str) -> str:
    """Quantile of the seconds from request to answer; no sample where there were no requests."""
    buckets = f"sum by (le, {BY}) (rate({name(LATENCY)}_bucket{_where(labels)}[{window}]))"
    return f"histogram_quantile({quantile:g}, {buckets}) >= 0"


def traffic_share(window: str = WINDOW, **labels: str) -> str:
    """Fraction of a model's instances that each version received, 0 to 1."""
    total = f"sum by (model_name) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"
    return f"{requests_per_second(window, **labels)} / on (model_name) group_left () ({total} > 0)"


def requests_by_status(window: str = WINDOW, **labels: str) -> str:
    """Instances per second: one sample per model, version and ``status``."""
    return f"sum by ({BY}, status) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"


def failed_requests(window: str = WINDOW, **labels: str) -> str:
    """Number of instances with status ``error`` in the window."""
    return requests(window, **labels | {"status": "error"})


def client_error_ratio(window: str = WINDOW, **labels: str) -> str:
    """Fraction of instances that the client sent wrong, 0 to 1; no sample where there were no requests."""
    wrong = requests_per_second(window, **labels | {"status": "client_error"})
    total = requests_per_second(window, **labels)
    return f"({wrong} or 0 * {total}) / ({total} > 0)"


def errors_in_window(window: str = WINDOW, **labels: str) -> str:
    """Number of instances without a prediction: one sample per model, version and ``error_type``."""
    return events(ERRORS, window, f"{BY}, error_type", **labels)


def latency_buckets(window: str = WINDOW, **labels: str) -> str:
    """Answers per second by ``le``, over all selected models and versions, for a heatmap."""
    return f"sum by (le) (rate({name(LATENCY)}_bucket{_where(labels)}[{window}]))"


def mean_latency(window: str = WINDOW, **labels: str) -> str:
    """Mean seconds from request to answer; no sample where there were no requests."""
    total, count = (
        f"sum by ({BY}) (rate({name(LATENCY)}_{part}{_where(labels)}[{window}]))" for part in ("sum", "count")
    )
    return f"{total} / ({count} > 0)"


def answers(window: str = WINDOW, **labels: str) -> str:
    """Number of answered requests in the window; a request has one or more instances."""
    return f"sum by ({BY}) (increase({name(LATENCY)}_count{_where(labels)}[{window}]))"


def batch_size(window: str = WINDOW, **labels: str) -> str:
    """Mean number of instances in an answered request."""
    instances = requests_per_second(window, **labels | {"status": "success"})
    requests = f"sum by ({BY}) (rate({name(LATENCY)}_count{_where(labels)}[{window}]))"
    return f"{instances} / ({requests} > 0)"


def slow_answers(seconds: float, window: str = WINDOW, **labels: str) -> str:
    """Number of answers in the window that took longer than this; ``seconds`` must be one of the histogram's buckets.

    Raises:
        ValueError: the histogram has no such bucket.
    """
    within = f"sum by ({BY}) (increase({name(LATENCY)}_bucket{_where(labels | {'le': _bucket(seconds)})}[{window}]))"
    return f"({answers(window, **labels)} - {within})"


def slow_ratio(seconds: float, window: str = WINDOW, **labels: str) -> str:
    """Fraction of answers that took longer than this, 0 to 1; no sample where there were no answers."""
    return f"{slow_answers(seconds, window, **labels)} / ({answers(window, **labels)} > 0)"


def feature_age(quantile: float = 0.95, window: str = WINDOW, **labels: str) -> str:
    """Quantile of the age in seconds of the online features that requests were completed with."""
    buckets = f"sum by (le, {BY}) (rate({name(served.FEATURE_AGE)}_bucket{_where(labels)}[{window}]))"
    return f"histogram_quantile({quantile:g}, {buckets}) >= 0"


def events(counter: Counter, window: str = WINDOW, by: str = BY, **labels: str) -> str:
    """Increase of a rare counter, counting the events with which its series begins.

    ``increase`` starts at a series' first sample, which for a counter with labels is that of its first events, so that it
    misses them. A series that was not there one window ago counts with its value.
    """
    series = f"{_total(counter)}{_where(labels)}"
    return f"sum by ({by}) (({series} unless {series} offset {window}) or increase({series}[{window}]))"


def rate(counter: Counter, window: str = WINDOW, **labels: str) -> str:
    """Increase of a counter per second: one sample per series."""
    return f"rate({_total(counter)}{_where(labels)}[{window}])"


def gauge(metric: Gauge, aggregate: str = "max", by: str = BY, **labels: str) -> str:
    """A gauge, aggregated over the processes that export it."""
    grouped = f"{aggregate} by ({by})" if by else aggregate
    return f"{grouped} ({name(metric)}{_where(labels)})"


def age(metric: Gauge, by: str, **labels: str) -> str:
    """Seconds since the time that a gauge holds."""
    return f"time() - {gauge(metric, by=by, **labels)}"


def accuracy(metric: Gauge, **labels: str) -> str:
    """The primary metric, or an end of its interval: one sample per model, version and ``source``."""
    return gauge(metric, by=f"{BY}, source", **labels)


def drift_ratio(**labels: str) -> str:
    """Drift score over its threshold, by ``feature``: above 1 the feature has drifted."""
    by = f"{BY}, feature"
    score, threshold = (gauge(one, by=by, **labels) for one in (monitored.DRIFT_SCORE, monitored.DRIFT_THRESHOLD))
    return f"{score} / {threshold}"


def drifted_features(**labels: str) -> str:
    """Number of features that have drifted; 0 where none of those tested has."""
    return f"sum by ({BY}) (({drift_ratio(**labels)}) > bool 1)"


def served_versions(by: str = BY, **labels: str) -> str:
    """1 for each version that a server has loaded."""
    held_out = _where(labels | {"source": monitored.HELD_OUT})
    return f"group by ({by}) ({name(served.ACCURACY)}{held_out})"


def servers_down(since: str = "1d") -> str:
    """Targets that do not answer a scrape and served models within ``since``, whatever the name of their job."""
    return f"up == 0 and on (job, instance) last_over_time({name(served.ACTIVE)}[{since}])"


def advice_budget_used(**labels: str) -> str:
    """Fraction of the day's budget for advice that is spent or reserved, 0 or more."""
    return f"{gauge(served.ADVICE_SPENT, **labels)} / ({gauge(served.ADVICE_BUDGET, **labels)} > 0)"


def retraining_failures(**labels: str) -> str:
    """Failed requests to train a model again, by model, where there are more than there were an hour before.

    The count is of the ledger, so that a gap of the exporter changes nothing: it is compared with the day before that hour.
    """
    failed = f"{name(monitored.RETRAINING_REQUESTS)}{_where(labels | {'outcome': 'failed'})}"
    now = f"max by (model_name) ({failed})"
    return f"{now} > (max by (model_name) (max_over_time({failed}[1d] offset 1h)) or 0 * {now})"


def name(metric: MetricWrapperBase) -> str:
    """The name of a metric in PromQL; of a counter, without the suffix _total."""
    return next(iter(metric.describe())).name


def _bucket(seconds: float) -> str:
    """The label ``le`` of a bucket of the latencies."""
    if seconds not in served.BUCKETS:
        raise ValueError(f"no bucket ends at {seconds} s; the buckets end at {served.BUCKETS}")
    return str(float(seconds))


def _total(counter: Counter) -> str:
    return f"{name(counter)}_total"  # prometheus_client stores a counter's name without the suffix


def _where(labels: dict[str, str]) -> str:
    """Label matchers in PromQL: ``{model_name="iris", version=~"1.*"}``, escaped; empty for no labels."""
    return "{" + ", ".join(_matcher(name, value) for name, value in labels.items()) + "}" if labels else ""


def _matcher(name: str, value: str) -> str:
    quoted = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{name}{"=~" if isinstance(value, Regex) else "="}"{quoted}"'
