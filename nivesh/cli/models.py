"""Registered models: list, show, promote, roll back."""

from typing import Annotated

from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table
from typer import Argument, Option, Typer

from nivesh.cli import out

app = Typer(
    no_args_is_help=True, help="List, show, promote and roll back registered models.", rich_markup_mode="markdown"
)
Key = Annotated[str, Argument(help="model key")]


@app.command("list")
def list_models(
    show_all: Annotated[bool, Option("--all", help="refused and failed trainings too")] = False,
):
    """List the versions of all models: stage, alias, targets.

    **Examples**

    nivesh models list

    nivesh models list --all
    """
    from nivesh import models
    from nivesh.registry import model_registry
    from nivesh.registry.decisions import PASSED, decisions

    table = Table("model", "version", "stage", "alias", "targets")
    for key in models.keys():
        champion = model_registry.by_alias(key, model_registry.CHAMPION)
        for version in model_registry.versions(key):
            alias = "champion" if champion and champion.version == version.version else ""
            missed = version.tags.get("targets_missed")
            targets = f"[yellow]below target[/]: {escape(missed)}" if missed else "[green]met[/]"
            stage = version.tags.get("stage", "None")
            table.add_row(key, model_registry.semantic_version(version), stage, alias, targets)
        for training in decisions(key) if show_all else ():
            if training.outcome != PASSED:
                started = f"{training.time.astimezone():%Y-%m-%d %H:%M}"
                table.add_row(key, "–", training.outcome or "running", started, escape(training.reason))
        table.add_section()
    out.print(table)


@app.command()
def show(key: Key, version: Annotated[str, Argument(help="a version; the champion if omitted")] = "champion"):
    """Show the model card of a version: purpose, data, metrics by slice, fairness, caveats.

    **Example**: nivesh models show credit_risk 1.0.0
    """
    from nivesh import models
    from nivesh.registry import model_registry

    found = model_registry.find(models.get(key).key, version)
    out.print(Markdown(found.description or f"{key} {model_registry.semantic_version(found)} has no card"))


@app.command()
def promote(
    key: Key,
    version: Annotated[str, Argument(help="the version")],
    stage: Annotated[str, Option(help="Staging, Production or Archived")] = "Production",
    reason: Annotated[str, Option(help="why a version below target may be Production; it is recorded")] = "",
):
    """Move a version to a stage. Production is what is served.

    **Example**: nivesh models promote credit_risk 1.1.0 --reason "agreed with risk on 3 May"
    """
    from nivesh import models
    from nivesh.registry import bundle, bundle_cache, model_registry

    name = models.get(key).key
    if stage.capitalize() == "Production":
        bundle.verify(bundle_cache.folder_of(model_registry.find(name, version)))
    moved = model_registry.transition_model_stage(name, version, stage, reason=reason)
    out.print(f"{name} {model_registry.semantic_version(moved)} is in {moved.tags['stage']}", highlight=False)


@app.command()
def rollback(key: Key, reason: Annotated[str, Option(help="what went wrong; it is recorded")]):
    """Make the previous champion the champion again.

    **Example**: nivesh models rollback intent_classifier --reason "answers too slow"
    """
    from nivesh import models
    from nivesh.registry import model_registry

    restored = model_registry.rollback(models.get(key).key, reason)
    out.print(f"{key} {model_registry.semantic_version(restored)} is the champion again", highlight=False)
