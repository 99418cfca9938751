"""``nivesh monitor dashboards`` and ``nivesh monitor alerts``: the files of manifests/monitoring, for another folder or place."""

from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option


def dashboards(
    output: Annotated[Path, Option("--output", "-o", file_okay=False, help="folder for the JSON files")] = Path(
        "manifests/monitoring/dashboards"
    ),
):
    """Write the Grafana dashboards as JSON.

    **Examples**

    nivesh monitor dashboards

    nivesh monitor dashboards -o /var/lib/grafana/dashboards
    """
    from nivesh.cli import out
    from nivesh.monitoring import dashboards as rendered

    for path in rendered.write(output):
        out.print(str(path), highlight=False)


def alerts(
    output: Annotated[Path, Option("--output", "-o", file_okay=False, help="folder for the two files")] = Path(
        "manifests/monitoring"
    ),
    runbooks: Annotated[
        str, Option(help="address of docs/troubleshooting.md where it can be read; the links of the alerts go there")
    ] = "docs/troubleshooting.md",
    label: Annotated[
        list[str] | None, Option(help="name=value: a label by which the Prometheus operator finds the PrometheusRule")
    ] = None,
    namespace: Annotated[str, Option(help="of the PrometheusRule; that of kubectl where not given")] = "",
):
    """Write the alerts: rules.yaml for a Prometheus, prometheus-rule.yaml for the Prometheus operator.

    **Examples**

    nivesh monitor alerts

    nivesh monitor alerts -o build --label release=monitoring --runbooks https://wiki.example.com/nivesh/troubleshooting
    """
    from nivesh.cli import out
    from nivesh.monitoring import alert_files

    labels = dict(alert_files.LABELS)
    if label:
        labels = dict(_pair(text) for text in label)
    for path in alert_files.write(output, runbooks, labels, namespace):
        out.print(str(path), highlight=False)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise BadParameter(f"{text!r} is no label; give name=value, such as release=kube-prometheus-stack")
    return name, value
