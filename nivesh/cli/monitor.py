"""Watch what is served: drift, quality, causes, and retraining."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from rich.table import Table
from typer import Argument, Exit, Option, Typer

from nivesh.cli import err, out
from nivesh.cli.monitor_labels import labels
from nivesh.cli.monitor_render import alerts, dashboards
from nivesh.cli.monitor_webhook import webhook
from nivesh.cli.run import On, Registry
from nivesh.cli.times import parse_time

if TYPE_CHECKING:
    from nivesh.monitoring.cause import Cause
    from nivesh.monitoring.drift import ColumnDrift
    from nivesh.monitoring.window_report import WindowReport

app = Typer(
    no_args_is_help=True,
    help="Watch what is served: drift, quality, and retraining where that helps.",
    rich_markup_mode="markdown",
)
for command in (labels, webhook, alerts, dashboards):
    app.command()(command)
Days = Annotated[
    float, Option(min=0.01, max=400, help="length of the window; the significance is for as many windows a year")
]


class RetrainOn(StrEnum):
    never = "never"
    quality_drop = "quality-drop"
    always = "always"


Keys = Annotated[list[str] | None, Argument(help="model keys; all models if omitted")]
RetrainOption = Annotated[RetrainOn, Option(help="when to train again; never where the data are broken")]
COLOURS = {"none": "green", "harmless_drift": "cyan", "upstream_fault": "red", "quality_drop": "yellow"}


@app.command()
def run(
    keys: Keys = None,
    days: Days = 7,
    end: Annotated[str, Option(help="end of the window, such as 2026-01-31T05:00, UTC; now if omitted")] = "",
    retrain_on: RetrainOption = RetrainOn.never,
    on: Annotated[On, Option(help="this machine, or Kubeflow Pipelines")] = On.local,
    registry: Registry = "",
) -> None:
    """Compare a window of predictions with what the models were trained on, and keep a report.

    Exit code: 0, whatever was found; 1 if a model could not be judged.

    **Examples**

    nivesh monitor run

    nivesh monitor run credit_risk --days 1 --retrain-on quality-drop
    """
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.errors import NiveshError

    keys = [models.get(key).key for key in keys or models.keys()]
    if on is On.cluster:
        for key in keys:
            out.print(f"{key}: run {_submit(key, days, end, retrain_on, registry)}", highlight=False)
        return
    until = parse_time("--end", end) or datetime.now(UTC)
    failed = False
    for key in keys:
        try:
            with bar(key) as progress:
                found = judge(key, until - timedelta(days=days), until, retrain_on, progress, registry)
        except NiveshError as error:
            failed = True
            err.print(f"[red]{key}[/]: ", end="")
            err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        else:
            out.print(
                f"[bold]{key}[/] [{COLOURS[found.kind]}]{found.kind}[/]: {escape(found.sentence)}", highlight=False
            )
            if found.retraining:
                outcome, reason = found.retraining["outcome"], escape(found.retraining["reason"])
                out.print(f"{key}: retraining {outcome}: {reason}", highlight=False)
    if failed:
        raise Exit(1)


@app.command()
def report(
    key: Annotated[str, Argument(help="model key")],
    output: Annotated[
        Path | None, Option("--output", "-o", file_okay=False, help="folder for the page and the picture")
    ] = None,
) -> None:
    """Show the newest report of a model: each version's drift, quality and cause.

    **Example**: nivesh monitor report credit_risk -o report
    """
    from nivesh import models
    from nivesh.monitoring import window_report
    from nivesh.store.objects import monitoring_store

    store, key = monitoring_store(), models.get(key).key
    found = window_report.require_newest(store, key)
    out.print(f"{key}, {found.start:%Y-%m-%d %H:%M} to {found.end:%Y-%m-%d %H:%M} UTC", highlight=False)
    for version in found.versions:
        out.print(f"[bold]{version.version}[/]: {version.rows} predictions, {version.failed} failed", highlight=False)
        out.print(
            f"[{COLOURS[version.cause.kind]}]{version.cause.kind}[/]: {escape(version.cause.sentence)}", highlight=False
        )
        if version.note and version.note != version.cause.sentence:
            out.print(version.note, markup=False, highlight=False)
        if version.drift:
            out.print(_drift_table(version.drift))
    if output is not None:
        for path in window_report.write_pages(store, found, output):
            out.print(str(path), markup=False, highlight=False)


@app.command()
def status() -> None:
    """Show for each model when it was last judged, what was found, and what retraining did.

    **Example**: nivesh monitor status
    """
    from nivesh import models
    from nivesh.monitoring import window_report
    from nivesh.monitoring.retraining_ledger import Ledger
    from nivesh.store.objects import monitoring_store

    store, now = monitoring_store(), datetime.now(UTC)
    table = Table("model", "judged", "predictions", "verdict", "quality", "retraining")
    for key in models.keys():
        found = window_report.newest(store, key)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in Ledger(store, key).counts().items() if number)
        if found is None:
            table.add_row(key, "never", "", "nivesh monitor run " + key, "", counts)
            continue
        age = (now - found.created).total_seconds()
        quality = "; ".join(one.sentence for one in found.versions[0].quality) if found.versions else ""
        table.add_row(
            key, f"{age / 3600:.1f} h ago", str(sum(one.rows for one in found.versions)),
            f"[{COLOURS[found.kind]}]{found.kind}[/]", escape(quality), counts,
        )  # fmt: skip
    out.print(table)


@app.command()
def export(
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="port of /metrics")] = 9108,
) -> None:
    """Serve what monitoring found as Prometheus metrics, until stopped.

    **Example**: nivesh monitor export --port 9108
    """
    import logging
    import signal
    import threading

    from nivesh.errors import NiveshError
    from nivesh.monitoring import exporter

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    err.print(f"metrics on http://{host}:{port}/metrics", highlight=False)
    try:
        exporter.export(host, port, stopping)
    except OSError as error:
        raise NiveshError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None


@app.command()
def schedule(
    keys: Keys = None,
    days: Days = 7,
    cron: Annotated[str, Option(help="cron expression of six fields, seconds first")] = "0 0 3 * * 1",
    retrain_on: RetrainOption = RetrainOn.never,
    registry: Registry = "",
) -> None:
    """Schedule the monitoring on Kubeflow Pipelines, Mondays at 3:00 where no cron expression is given.

    **Example**: nivesh monitor schedule --retrain-on quality-drop
    """
    import pipelines
    from nivesh import models
    from pipelines.kubeflow import Kubeflow

    kubeflow = Kubeflow()
    for key in [models.get(key).key for key in keys or models.keys()]:
        with tempfile.TemporaryDirectory() as folder:
            path = pipelines.compile_to(key, Path(folder) / f"{key}.yaml", registry, pipelines.monitoring_pipeline)
            arguments = {"days": days, "retrain_on": retrain_on.value}
            recurring = kubeflow.schedule(key, path, arguments, cron, pipelines.MONITORING)
        out.print(f"{key}: recurring run {recurring}, {cron}", highlight=False)


def judge(
    key: str,
    start: datetime,
    end: datetime,
    retrain_on: RetrainOn,
    progress: Callable[[float, str], None],
    registry: str = "",
) -> "WindowReport":
    """Judge a window, and ask for a retraining where that is wanted and its cause allows it."""
    from nivesh.monitoring import window
    from pipelines.retraining import trigger_retraining_job

    days = (end - start).total_seconds() / 86_400

    def retrain(cause: "Cause") -> dict[str, Any]:
        return trigger_retraining_job(
            key, reason=cause.sentence, window_start=start, window_end=end, cause=cause,
            requested_by="nivesh monitor run", registry=registry,
            progress=lambda step, fraction, text: progress(fraction, f"retraining: {step} {text}"),
        )  # fmt: skip

    return window.monitor(
        key,
        start,
        end,
        windows_per_year=max(1, round(365.25 / days)),
        progress=progress,
        retrain=None if retrain_on is RetrainOn.never else retrain,
        scheduled=retrain_on is RetrainOn.always,
    )


def _drift_table(columns: "list[ColumnDrift]") -> Table:
    table = Table("column", "score", "threshold", "drifted", "missing", "what moved")
    for one in columns:
        drifted = "[red]yes[/]" if one.drifted else "no"
        table.add_row(
            one.column, f"{one.score:.1f}", f"{one.threshold:.1f}", drifted, f"{one.missing:.1%}", escape(one.sentence)
        )
    return table


def _submit(key: str, days: float, end: str, retrain_on: RetrainOn, registry: str) -> str:
    import pipelines
    from pipelines.kubeflow import Kubeflow

    with tempfile.TemporaryDirectory() as folder:
        path = pipelines.compile_to(key, Path(folder) / f"{key}.yaml", registry, pipelines.monitoring_pipeline)
        arguments = {"days": days, "end": end, "retrain_on": retrain_on.value}
        name = f"{pipelines.MONITORING}{key.replace('_', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
        return Kubeflow().submit(key, path, arguments, name)
