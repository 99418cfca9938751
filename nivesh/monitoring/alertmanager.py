"""Alertmanager's webhook requests: which models they are about. Pure.

The body is version 4 of https://prometheus.io/docs/alerting/latest/configuration/#webhook_config: a group of alerts, each with
labels. Requests come at least once, and again for as long as an alert fires.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from nivesh.errors import MalformedRequest
from nivesh.monitoring.prediction_reader import in_utc

FIRING = "firing"
WINDOW = timedelta(days=7)  # of an alert about a model without a report
Text = Annotated[str, Field(max_length=4096)]


class Alert(BaseModel):
    """One alert; of its fields those that are used."""

    status: Text
    labels: dict[Text, Text]
    annotations: dict[Text, Text] = {}
    startsAt: datetime


class Notification(BaseModel):
    """The body of a request."""

    version: Text = "4"
    alerts: Annotated[list[Alert], Field(min_length=1, max_length=10_000)]


@dataclass(frozen=True)
class ModelAlert:
    """What the firing alerts of a request say of one model.

    Attributes:
        model: label model_name.
        version: label version, "" without one.
        reason: names and summaries of the alerts.
        started: when the first of them began to fire.
    """

    model: str
    version: str
    reason: str
    started: datetime


def parse(body: bytes) -> list[ModelAlert]:
    """The models that firing alerts of a request name, each once; resolved alerts say nothing.

    Raises:
        MalformedRequest: it is no request of Alertmanager, or an alert has no label model_name.
    """
    try:
        notification = Notification.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise MalformedRequest(f"{place}: {first['msg']}; send what Alertmanager's webhook sends, version 4") from None
    firing = [alert for alert in notification.alerts if alert.status == FIRING]
    grouped: dict[tuple[str, str], list[Alert]] = {}
    for alert in firing:
        if not (model := alert.labels.get("model_name")):
            name = alert.labels.get("alertname", "an alert")
            raise MalformedRequest(f"{name} has no label model_name; route only alerts about models to this receiver")
        grouped.setdefault((model, alert.labels.get("version", "")), []).append(alert)
    return [
        ModelAlert(model, version, "; ".join(dict.fromkeys(map(_words, alerts)))[:2000], min(map(_start, alerts)))
        for (model, version), alerts in grouped.items()
    ]


def window_of(alert: ModelAlert) -> tuple[datetime, datetime]:
    """The seven whole days (UTC) before an alert began: the same for as long as it fires."""
    end = alert.started.replace(hour=0, minute=0, second=0, microsecond=0)
    return end - WINDOW, end


def _words(alert: Alert) -> str:
    name, summary = alert.labels.get("alertname", "alert"), alert.annotations.get("summary", "")
    return f"{name}: {summary}" if summary else name


def _start(alert: Alert) -> datetime:
    return in_utc(alert.startsAt)
