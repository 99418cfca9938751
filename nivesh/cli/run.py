import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from rich.markup import escape
from typer import Argument, Context, Exit, Option

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile, Past, Percent, Transactions, TransactionsDialect, past
from nivesh.cli.train import NO_PAST, REFUSED, given, locally

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
DataPath = Annotated[str, Option(help="training file, local or s3://BUCKET/NAME; the shipped sample if omitted")]
Seed = Annotated[int, Option(min=0, help="seed of the train/test split")]
Registry = Annotated[str, Option(help="image registry, such as registry.example.com/team")]


class On(StrEnum):
    local = "local"
    cluster = "cluster"


def run(
    context: Context,
    key: Annotated[str, Argument(help="model key, such as intent_classifier")],
    on: Annotated[On, Option(help="this machine, or Kubeflow Pipelines")] = On.local,
    data_path: DataPath = "",
    seed: Seed = 0,
    detach: Annotated[bool, Option("--detach", help="do not wait for a run on the cluster to finish")] = False,
    registry: Registry = "",
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
    transactions: Transactions = "",
    transactions_dialect: TransactionsDialect = None,
):
    """Run a model's pipeline here or on a cluster: the same compiled YAML.

    Further options are the pipeline's (`--canary 10`) and parameters of the model's training; a wrong name lists them.
    Ctrl-C does not stop a run on the cluster. Exit code: 0 registered, 3 refused by the gate, 1 failed.

    **Examples**

    nivesh run credit_risk

    nivesh run credit_risk --on cluster --data-path s3://data/loans.csv --canary 10 --max-depth 3
    """
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.data import dialect as dialects
    from nivesh.errors import NiveshError

    key = models.get(key).key
    description = dialects.load(dialect, percent).yaml()
    payments = past(transactions, transactions_dialect)
    if on is On.local:
        locally(key, data_path, seed, context.args, description, payments)
        return
    from pipelines.kubeflow import Kubeflow

    kubeflow = Kubeflow()
    with tempfile.TemporaryDirectory() as folder:
        path, arguments = compiled(key, data_path, seed, context.args, registry, Path(folder), description, payments)
        run_id = kubeflow.submit(key, path, arguments)
    out.print(f"{key}: run {run_id}", highlight=False)
    if detach:
        return
    with bar(key) as progress:
        ended = kubeflow.follow(run_id, progress)
    out.print(f"{key}: {ended.state} after {ended.seconds:.0f} s; nivesh logs {run_id[:8]}", highlight=False)
    if ended.state != "SUCCEEDED":
        raise NiveshError(f"run {run_id} of {key} has {ended.state}; see nivesh logs {run_id[:8]}")
    if not show_decision(key, run_id, [step.name for step in kubeflow.read(run_id)[1]]):
        raise Exit(REFUSED)


def show_decision(key: str, run_id: str, steps: list[str]) -> bool:
    """Print the gate's verdict on a run that ended well; returns whether its model was registered.

    The reason is read from MLflow, where this machine can reach the cluster's.
    """
    from nivesh.settings import settings

    registered, reason = "register" in steps, "the reason is in MLflow; set MLFLOW_TRACKING_URI to see it here"
    if settings().tracking_uri:
        from nivesh.registry.decisions import decisions

        reason = next((one.reason for one in decisions(key) if one.pipeline_run == run_id), reason)
    out.print(f"[bold]{key}[/] {'[green]passed' if registered else '[yellow]refused'}[/]: {escape(reason)}")
    return registered


def compiled(
    key: str,
    data_path: str,
    seed: int,
    args: list[str],
    registry: str,
    folder: Path,
    dialect: str = "",
    transactions: Past = NO_PAST,
) -> tuple[Path, dict[str, Any]]:
    """The pipeline's YAML in a folder, and its arguments for a cluster."""
    import pipelines
    from nivesh.errors import SettingsError

    for local_path in (path for path in (data_path, transactions.path) if path and not path.startswith("s3://")):
        raise SettingsError(f"{local_path}: a cluster cannot read it; upload the file and give s3://BUCKET/NAME")
    arguments = pipelines.arguments(key, data_path, seed, given(args), dialect, transactions.path, transactions.dialect)
    return pipelines.compile_to(key, folder / f"{key}.yaml", registry), arguments
