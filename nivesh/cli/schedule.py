import tempfile
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile, Percent, Transactions, TransactionsDialect, past
from nivesh.cli.run import CONTEXT, DataPath, Registry, Seed, compiled

__all__ = ["CONTEXT", "schedule"]
WEEKLY, DAILY = "0 0 2 * * 1", "0 0 2 * * *"


def schedule(
    context: Context,
    key: Annotated[str, Argument(help="model key, such as intent_classifier")],
    weekly: Annotated[bool, Option("--weekly", help="Mondays at 2:00, in the cluster's time zone")] = False,
    daily: Annotated[bool, Option("--daily", help="at 2:00")] = False,
    cron: Annotated[str, Option(help="cron expression of six fields, seconds first, such as '0 30 4 1 * *'")] = "",
    data_path: DataPath = "",
    seed: Seed = 0,
    registry: Registry = "",
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
    transactions: Transactions = "",
    transactions_dialect: TransactionsDialect = None,
):
    """Schedule a model's pipeline on the cluster. A model has one schedule: a new one replaces it, and the old one stays in
    Kubeflow as disabled.

    Further options are those of `nivesh run`. A run starts when the previous one has ended.

    **Examples**

    nivesh schedule credit_risk --weekly --data-path s3://data/loans.csv

    nivesh schedule intent_classifier --cron '0 30 4 1 * *'
    """
    from nivesh import models
    from nivesh.data import dialect as dialects
    from nivesh.errors import SettingsError
    from pipelines.kubeflow import Kubeflow

    expressions = [text for text in (WEEKLY if weekly else "", DAILY if daily else "", cron) if text]
    if len(expressions) != 1:
        raise SettingsError("give one of --weekly, --daily and --cron")
    if len(expressions[0].split()) != 6:
        raise SettingsError(f"{cron!r}: give six fields, seconds first, such as '0 30 4 1 * *'")
    key = models.get(key).key
    description = dialects.load(dialect, percent).yaml()
    payments = past(transactions, transactions_dialect)
    kubeflow = Kubeflow()
    with tempfile.TemporaryDirectory() as folder:
        path, arguments = compiled(key, data_path, seed, context.args, registry, Path(folder), description, payments)
        recurring = kubeflow.schedule(key, path, arguments, expressions[0])
    out.print(f"{key}: recurring run {recurring}, {expressions[0]}", highlight=False)
