import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from typer import Context, Exit, Option

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile
from nivesh.cli.train import CONTEXT, REFUSED, given

if TYPE_CHECKING:
    from rich.table import Table

    from nivesh.data.advice import Checked, Problem
    from nivesh.data.dialect import Dialect

__all__ = ["CONTEXT", "tune"]
KEY = "gemini_advisor"
TYPICAL_TOKENS = (300, 200)  # of a prompt with its instructions, and of an answer


def tune(
    context: Context,
    data_path: Annotated[Path | None, Option(help="your JSON lines; the shipped sample without it")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="check, convert and price; needs no account")] = False,
    mask: Annotated[bool, Option("--mask", help="put [PAN] and the like in place of personal data")] = False,
    cancel: Annotated[bool, Option("--cancel", help="cancel the job that tunes on these data")] = False,
    seed: Annotated[int, Option(min=0, help="draws the held-out rows")] = 0,
    dialect: DialectFile = None,
):
    """Tune Gemini on Vertex AI: check, price, upload, tune, evaluate, register, package.

    The same command again finds the running job, or the model that it made. Ctrl-C leaves the job running.
    Further options are training parameters (--epochs, --base-model, --max-cost); a wrong name lists them. Exit code:
    0 registered, 3 refused by the gate, 1 failed.

    **Examples**

    nivesh tune --data-path financial_advice.jsonl --dry-run

    nivesh tune --data-path financial_advice.jsonl --epochs 4

    nivesh tune --data-path chats.jsonl --dialect chats.yaml --dry-run
    """
    from nivesh import data, models
    from nivesh.cli.progress import bar
    from nivesh.cli.tables import results
    from nivesh.data import dialect as dialects
    from nivesh.errors import DataError
    from nivesh.models.gemini_advisor import training
    from pipelines import local

    params = given(context.args)
    parameters = models.get(KEY).parameters(params)
    training.check_parameters(parameters)
    path, described = data_path or data.sample("advice"), dialects.load(dialect)
    if mask:
        path, described = _masked(path, described), data.DEFAULT
    problems = _report(path, parameters, seed, described)
    if dry_run:
        out.print("Nothing was uploaded and nothing was paid: --dry-run.")
    if problems:
        raise DataError(f"{path.name}: {problems} problems, listed above; correct them, or --mask personal data")
    if dry_run:
        return
    models.get(KEY).require_settings()
    if cancel:
        _cancel(path, parameters, seed, described)
        return
    arguments = {
        "data_path": str(path.resolve()) if data_path or mask else "",
        "seed": seed,
        "params": params,
        "dialect": described.yaml(),
    }
    try:
        with bar(KEY) as progress:
            result = local.run(KEY, arguments, lambda step, fraction, text: progress(fraction, f"{step} {text}"))
    except KeyboardInterrupt:
        out.print("The tuning job, if there is one, keeps running. Repeat the command to follow it, or add --cancel.")
        raise
    passed = result.verdict["passed"]
    out.print(
        f"[bold]{KEY}[/] {'[green]passed' if passed else '[yellow]refused'}[/]: {escape(result.verdict['reason'])}"
    )
    out.print(_comparison(result.metrics))
    out.print(results([result]))
    out.print(f"report, chart and answers: {result.report}")
    if not passed:
        raise Exit(REFUSED)


def _report(path: Path, parameters: dict[str, Any], seed: int, dialect: "Dialect") -> int:
    """Print a report on a file before anything is paid; return the number of its problems."""
    from rich.table import Table

    from nivesh.data import advice
    from nivesh.models.gemini_advisor import judge, training
    from nivesh.vertex.prices import price as price_of

    checked = _checked(path, dialect)
    rows = checked.rows
    _list(checked.problems)
    table = Table("", "", title=str(path), title_justify="left", show_header=False)
    table.add_row("examples", f"{len(rows):,}")
    table.add_row(
        "problems", f"{len(checked.problems)}, {sum(problem.personal for problem in checked.problems)} of personal data"
    )
    if len(rows) >= training.MIN_EXAMPLES:
        parts = training.split(rows, seed)
        estimate = training.estimate(parts.train, parameters["base_model"], parameters["epochs"])
        lengths = rows["tokens"]
        table.add_row(
            "languages", ", ".join(f"{name} {count}" for name, count in rows["language"].value_counts().items())
        )
        table.add_row("tokens an example", f"about {lengths.median():.0f}, at most {lengths.max()}")
        table.add_row("without a year", f"{len(advice.undated(rows))} answers name tax rules or rates that change")
        table.add_row("held out", f"{len(parts.test)}: {parts.why}")
        table.add_row("tokens of a pass", f"about {estimate.tokens:,}, instructions included")
        price = estimate.price
        table.add_row(
            "cost of tuning",
            f"about ${estimate.dollars:.2f}: {parameters['epochs']} epochs of {price.model} at ${price.tuning:g} for a million "
            f"tokens, prices of {price.as_of}",
        )
        verdict = judge.max_tokens(parameters["judge_model"], "", TYPICAL_TOKENS[1])
        dollars = 1000 * (price.of_answer(*TYPICAL_TOKENS) + price_of(parameters["judge_model"]).of_answer(*verdict))
        table.add_row(
            "cost of answers",
            "about ${:.2f} for 1,000 questions of {} and answers of {} tokens, verdicts of the judge included".format(
                dollars, *TYPICAL_TOKENS
            ),
        )
        first = training.conversations(parts.train.head(1)).decode().strip()
        table.add_row("first line for Vertex", first if len(first) < 400 else f"{first[:120]} … {first[-280:]}")
    out.print(table)
    return len(checked.problems)


def _list(problems: "list[Problem]") -> None:
    for problem in problems:
        out.print(str(problem), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _checked(path: Path, dialect: "Dialect") -> "Checked":
    from nivesh.data import advice
    from nivesh.errors import DataError

    if not path.is_file():
        raise DataError(f"{path}: there is no such file; give JSON lines of instruction, input and output")
    return advice.check(path, dialect=dialect)


def _masked(path: Path, dialect: "Dialect") -> Path:
    """A copy of the file under NIVESH_HOME with personal data masked, named by the file's name and hash."""
    from nivesh.data import advice
    from nivesh.errors import DataError
    from nivesh.settings import settings

    checked = _checked(path, dialect)
    if others := [problem for problem in checked.problems if not problem.personal]:
        _list(others)
        raise DataError(f"{path.name}: {len(others)} problems that --mask does not correct, listed above; correct them")
    rows = advice.masked(checked.rows)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    target = settings().home / "masked" / f"{path.stem}-{digest}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    rows[list(advice.FIELDS)].to_json(partial, orient="records", lines=True, force_ascii=False)
    shutil.move(partial, target)
    out.print(f"personal data masked: {target}", highlight=False, soft_wrap=True)
    return target


def _cancel(path: Path, parameters: dict[str, Any], seed: int, dialect: "Dialect") -> None:
    from nivesh import data
    from nivesh.errors import ModelNotFound
    from nivesh.models.gemini_advisor import training
    from nivesh.vertex import tuning

    job = tuning.find(
        training.tuning_request(training.split(data.read("advice", path, dialect=dialect), seed).train, parameters)
    )
    if job is None or job.state not in tuning.ACTIVE_STATES:
        raise ModelNotFound("no tuning job runs for these data and parameters")
    tuning.cancel(job.name)
    out.print(f"cancelling {job.name}", highlight=False, soft_wrap=True)


def _comparison(metrics: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table("metric", "base", "tuned", title=f"{metrics['rows']} held-out questions", title_justify="left")
    for name, value in metrics.items():
        if f"baseline_{name}" in metrics:
            table.add_row(name, f"{metrics[f'baseline_{name}']:.3f}", f"{value:.3f}")
    return table
