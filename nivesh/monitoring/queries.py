"""The PromQL of the product in one place: for dashboards, alerts and the gates of a rollout alike.

Each function gives a query whose answer has one sample per model and version. A version without requests has no
sample: no data is never a number, so nothing passes a gate by silence.
"""

from nivesh.serving.metrics import ERRORS, LATENCY, PREDICTIONS

WINDOW = "5m"
BY = "model_name, version"


def requests_per_second(window: str = WINDOW, **labels: str) -> str:
    """Answered and failed requests a second."""
    return f"sum by ({BY}) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"


def requests(window: str = WINDOW, **labels: str) -> str:
    """How many requests there were, to judge nothing on too few."""
    return f"sum by ({BY}) (increase({_total(PREDICTIONS)}{_where(labels)}[{window}]))"


def errors_per_second(window: str = WINDOW, **labels: str) -> str:
    """Refused and failed requests a second; 0 where there were requests and no error."""
    failed = f"sum by ({BY}) (rate({_total(ERRORS)}{_where(labels)}[{window}]))"
    return f"({failed} or 0 * {requests_per_second(window, **labels)})"


def errors_by_type(window: str = WINDOW, **labels: str) -> str:
    """Refused and failed requests a second by kind of error: one sample more for each kind."""
    return f"sum by ({BY}, error_type) (rate({_total(ERRORS)}{_where(labels)}[{window}]))"


def error_ratio(window: str = WINDOW, **labels: str) -> str:
    """Part of the requests that failed, 0 to 1; no sample where no request came."""
    failed = f"sum by ({BY}) (rate({_total(PREDICTIONS)}{_where(labels | {'status': 'error'})}[{window}]))"
    every = requests_per_second(window, **labels)
    return f"({failed} or 0 * {every}) / ({every} > 0)"


def latency(quantile: float = 0.99, window: str = WINDOW, **labels: str) -> str:
    """Seconds that this part of the answered requests took at most; no sample where none was answered."""
    buckets = f"sum by (le, {BY}) (rate({_name(LATENCY)}_bucket{_where(labels)}[{window}]))"
    return f"histogram_quantile({quantile:g}, {buckets}) >= 0"


def traffic_share(window: str = WINDOW, **labels: str) -> str:
    """Part of a model's requests that each version got, 0 to 1."""
    every = f"sum by (model_name) (rate({_total(PREDICTIONS)}{_where(labels)}[{window}]))"
    return f"{requests_per_second(window, **labels)} / on (model_name) group_left () ({every} > 0)"


def _name(metric) -> str:
    return metric.describe()[0].name


def _total(counter) -> str:
    return f"{_name(counter)}_total"  # prometheus_client keeps a counter's name without its ending


def _where(labels: dict[str, str]) -> str:
    """``model_name="iris", version="1.0.0"`` in braces, quoted; nothing for no labels."""
    quoted = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ", ".join(f'{name}="{value}"' for name, value in quoted.items()) + "}" if quoted else ""
