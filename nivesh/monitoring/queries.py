"""The PromQL queries of dashboards, alerts and the gates of a rollout.

Each query returns one sample per model and version, unless said otherwise. A version without requests has no sample, so
that missing data never passes a gate. The keyword arguments ``labels`` are label matchers, such as ``version="1.0.0"``;
``window`` is a PromQL duration.
"""

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from nivesh.serving.metrics import ERRORS, LATENCY, PREDICTIONS

WINDOW = "5m"
BY = "model_name, version"


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
    buckets = f"sum by (le, {BY}) (rate({_name(LATENCY)}_bucket{_where(labels)}[{window}]))"
    return f"histogram_quantile({quantile:g}, {buckets}) >= 0"


def traffic_share(window: str = WINDOW, **labels: str) -> str:
    """Fraction of a model's instances that each version received, 0 to 1."""
    total = f"sum by (model_name) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"
    return f"{requests_per_second(window, **labels)} / on (model_name) group_left () ({total} > 0)"


def _name(metric: MetricWrapperBase) -> str:
    return next(iter(metric.describe())).name


def _total(counter: Counter) -> str:
    return f"{_name(counter)}_total"  # prometheus_client stores a counter's name without the suffix


def _where(labels: dict[str, str]) -> str:
    """Label matchers in PromQL: ``{model_name="iris", version="1.0.0"}``, escaped; empty for no labels."""
    quoted = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ", ".join(f'{name}="{value}"' for name, value in quoted.items()) + "}" if quoted else ""
