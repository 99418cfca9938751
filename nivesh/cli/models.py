"""Look at registered models, and move them between stages."""

from typing import Annotated

from rich.markdown import Markdown
from rich.table import Table
from typer import Argument, Option, Typer

from nivesh.cli import out

app = Typer(
    no_args_is_help=True, help="List, show, promote and roll back registered models.", rich_markup_mode="markdown"
)
Key = Annotated[str, Argument(help="the model")]


@app.command("list")
def list_models():
    """All versions of all models: stage, alias, targets.

    **Example**: nivesh models list
    """
    from nivesh import models
    from nivesh.registry import model_registry

    table = Table("model", "version", "stage", "serves", "targets")
    for key in models.keys():
        champion = model_registry.by_alias(key, model_registry.CHAMPION)
        for version in model_registry.versions(key):
            serves = "champion" if champion and champion.version == version.version else ""
            missed = version.tags.get("targets_missed")
            targets = f"[yellow]below target[/]: {missed}" if missed else "[green]met[/]"
            table.add_row(
                key, model_registry.semantic_version(version), version.tags.get("stage", "None"), serves, targets
            )
        table.add_section()
    out.print(table)


@app.command()
def show(key: Key, version: Annotated[str, Argument(help="a version; the served one without it")] = "champion"):
    """The model card of a version: purpose, data, metrics by slice, fairness, limits.

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
    reason: Annotated[str, Option(help="why a version below target may be Production; recorded")] = "",
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
def rollback(key: Key, reason: Annotated[str, Option(help="what went wrong; recorded")]):
    """Serve the version before the champion again.

    **Example**: nivesh models rollback intent_classifier --reason "answers too slow"
    """
    from nivesh import models
    from nivesh.registry import model_registry

    restored = model_registry.rollback(models.get(key).key, reason)
    out.print(f"{key} {model_registry.semantic_version(restored)} is the champion again", highlight=False)
