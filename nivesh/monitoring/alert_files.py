"""The alerts as files: rules for a Prometheus, and the same as a PrometheusRule for the Prometheus operator.

promtool reads rules only, not the operator's resource: both are written from one source, so that what is tested is what runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from nivesh.monitoring import alerts
from nivesh.monitoring.alerts import Alert

RUNBOOKS = "docs/troubleshooting.md"
RULES, OPERATOR_RULES = "rules.yaml", "prometheus-rule.yaml"
# By default, kube-prometheus-stack loads the rules with the label of its own Helm release.
LABELS = {"release": "kube-prometheus-stack"}
HEADER = "# Written by nivesh monitor alerts from nivesh/monitoring/alerts.py; change the alerts there.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, as people write PromQL."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def rules(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """All alerts as the content of a rules file.

    Args:
        runbooks: address of the page with a section for each alert; the alert's name is appended as its anchor.
    """
    return {
        "groups": [
            {"name": name, "rules": [_rule(alert, runbooks) for alert in group]}
            for name, group in alerts.groups().items()
        ]
    }


def prometheus_rule(
    runbooks: str = RUNBOOKS, labels: Mapping[str, str] = LABELS, namespace: str = ""
) -> dict[str, Any]:
    """The same as a resource of the Prometheus operator.

    Args:
        runbooks: as for ``rules``.
        labels: those by which the operator's ``ruleSelector`` finds it.
        namespace: where it is applied; the one of kubectl where it is "".
    """
    metadata: dict[str, Any] = {"name": "nivesh"} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata | {"labels": {"app.kubernetes.io/part-of": "nivesh", **labels}},
        "spec": rules(runbooks),
    }


def write(
    folder: Path, runbooks: str = RUNBOOKS, labels: Mapping[str, str] = LABELS, namespace: str = ""
) -> list[Path]:
    """Write both files into a folder; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {RULES: rules(runbooks), OPERATOR_RULES: prometheus_rule(runbooks, labels, namespace)}
    for name, content in contents.items():
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
        (folder / name).write_text(HEADER + text, encoding="utf-8")
    return [folder / name for name in contents]


def _rule(alert: Alert, runbooks: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.wait,
        "labels": {"severity": alert.severity, **alert.labels},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbooks}#{alert.name.lower()}",
        },
    }
