import json
from pathlib import Path
from typing import Annotated

from rich.markup import escape
from typer import Argument, Context, Exit, Option

from nivesh.cli import err, out
from nivesh.cli.dialects import DialectFile, Past, Percent, Transactions, TransactionsDialect, past

NO_PAST = Past()
REFUSED = 3  # exit code of a training that the gate refused
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def train(
    context: Context,
    key: Annotated[str, Argument(help="model key, such as intent_classifier")],
    data_path: Annotated[str, Option(help="training file, or s3://BUCKET/NAME; the shipped sample if omitted")] = "",
    seed: Annotated[int, Option(min=0, help="seed of the train/test split")] = 0,
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
    transactions: Transactions = "",
    transactions_dialect: TransactionsDialect = None,
):
    """Train a model: run its Kubeflow pipeline on this machine, from the file to the registered bundle.

    `nivesh run` does the same, also on a cluster. Exit code: 0 registered, 3 refused by the gate, 1 failed.

    Further options are parameters of the model's training; a wrong name lists them.

    **Examples**

    nivesh train intent_classifier --data-path my_intents.jsonl

    nivesh train financial_ner --iterations 30

    nivesh train spending_predictor --user-id all --horizon 365

    nivesh train anomaly_detector --contamination 0.01

    nivesh train credit_risk --data-path loans.csv --percent debt_to_income --max-depth 3

    nivesh train anomaly_detector --data-path statement.csv --dialect hdfc.yaml

    nivesh train credit_risk --data-path loans.csv --transactions transactions.parquet
    """
    from nivesh.data import dialect as dialects

    description = dialects.load(dialect, percent).yaml()
    locally(key, data_path, seed, context.args, description, past(transactions, transactions_dialect))


def locally(
    key: str, data_path: str, seed: int, args: list[str], dialect: str = "", transactions: Past = NO_PAST
) -> None:
    """Run a model's pipeline on this machine and print its results; ``args`` are the options not parsed yet.

    Raises:
        typer.Exit: code REFUSED, where the gate refused the model.
    """
    import pipelines
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.cli.tables import results
    from pipelines import local

    key = models.get(key).key
    models.get(key).require_settings()
    data_path, past_path = (
        str(Path(path).resolve()) if path and not path.startswith("s3://") else path
        for path in (data_path, transactions.path)
    )
    arguments = pipelines.arguments(key, data_path, seed, given(args), dialect, past_path, transactions.dialect)
    with bar(key) as progress:
        result = local.run(key, arguments, lambda step, fraction, text: progress(fraction, f"{step} {text}"))
    for note in result.notes:
        err.print("[yellow]note:[/] ", end="")
        err.print(note, markup=False, highlight=False, soft_wrap=True)
    passed = result.verdict["passed"]
    out.print(
        f"[bold]{key}[/] {'[green]passed' if passed else '[yellow]refused'}[/]: {escape(result.verdict['reason'])}"
    )
    out.print(results([result]))
    out.print(f"report and plots: {result.report}", markup=False)
    if not passed:
        raise Exit(REFUSED)


def given(args: list[str]) -> dict:
    """``--max-depth 3 --tune`` -> {"max_depth": 3, "tune": True}: values are parsed as JSON, else kept as text.

    Raises:
        SettingsError: an argument belongs to no option.
    """
    from nivesh.errors import SettingsError

    params, rest = {}, list(args)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise SettingsError(f"{option!r} belongs to no option; write --name value")
        name, equals, value = option[2:].partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        try:
            params[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            params[name.replace("-", "_")] = value
    return params
