import getpass
from typing import Annotated

from rich.markup import escape
from typer import Argument, Exit, Option

from nivesh.cli import out
from nivesh.cli.run import On, Registry
from nivesh.cli.times import parse_time
from nivesh.cli.train import REFUSED


def retrain(
    key: Annotated[str, Argument(help="model key, such as credit_risk")],
    reason: Annotated[str, Option(help="why, for the ledger")] = "asked for on the command line",
    start: Annotated[str, Option("--from", help="start of the window that gave the reason, such as 2026-01-24")] = "",
    end: Annotated[str, Option("--to", help="its end, not included, UTC; the last seven days if omitted")] = "",
    data_path: Annotated[
        str, Option(help="the file with the new labels, local or s3://; NIVESH_RETRAINING_DATA if omitted")
    ] = "",
    force: Annotated[bool, Option("--force", help="in spite of cooldown and budget")] = False,
    release: Annotated[bool, Option("--release", help="first take the window out of quarantine")] = False,
    on: Annotated[On, Option(help="this machine, or Kubeflow Pipelines")] = On.local,
    registry: Registry = "",
):
    """Retrain a model on newer data: once for its champion and a window, within cooldown and budget.

    A model that is as good as the champion passes the gate. Exit code: 0 registered, started or done already; 3 refused; 1
    failed.

    **Examples**

    nivesh retrain credit_risk --data-path loans-february.csv --reason "labels of February"

    nivesh retrain credit_risk --from 2026-01-24 --to 2026-01-31 --on cluster
    """
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.errors import NiveshError
    from nivesh.monitoring.lease import utc_now
    from nivesh.monitoring.retraining_ledger import Ledger
    from nivesh.monitoring.starter import FAILED
    from nivesh.monitoring.starter import REFUSED as OUTCOME_REFUSED
    from nivesh.store.objects import monitoring_store
    from pipelines.retraining import last_window, trigger_retraining_job

    key = models.get(key).key
    window_start, window_end = last_window(parse_time("--from", start), parse_time("--to", end))
    if release:
        Ledger(monitoring_store(), key).release_quarantine(window_start, window_end, reason, utc_now())
    with bar(key) as progress:
        found = trigger_retraining_job(
            key,
            reason=reason,
            window_start=window_start,
            window_end=window_end,
            data_path=data_path,
            requested_by=getpass.getuser(),
            force=force,
            on=on.value,
            registry=registry,
            progress=lambda step, fraction, text: progress(fraction, f"{step} {text}"),
        )
    run = f", run {found['run']}" if found["run"] else ""
    out.print(f"[bold]{key}[/] {found['outcome']}: {escape(found['reason'])}{run}", highlight=False)
    if found["outcome"] == OUTCOME_REFUSED:
        raise Exit(REFUSED)
    if found["outcome"] == FAILED:
        raise NiveshError(f"retraining {found['id']} of {key} failed: {found['reason']}")
