from typing import Annotated

from rich.markup import escape
from rich.table import Table
from typer import Argument

from nivesh.cli import out

# Tags of a version that record decisions of people and of rollouts.
TAGS = ("stage", "override_reason", "previous_champion", "rollout", "failed", "rolled_back", "undone")


def why(
    key: Annotated[str, Argument(help="model key")],
    version: Annotated[str, Argument(help="a version; the newest training if omitted")] = "",
):
    """Show why a training was registered or refused, with the numbers of both sides, and what happened to the version.

    **Examples**

    nivesh why credit_risk

    nivesh why credit_risk 1.1.0
    """
    from nivesh import models
    from nivesh.cli.tables import figure
    from nivesh.errors import ModelNotFound
    from nivesh.registry import model_registry
    from nivesh.registry.decisions import decisions

    model = models.get(key)
    found = decisions(model.key)
    registered = model_registry.find(model.key, version) if version else None
    if registered:
        found = [one for one in found if one.version == model_registry.semantic_version(registered)]
    if not found:
        raise ModelNotFound(f"{model.key} has no training on record; train it: nivesh train {model.key}")
    decision = found[0]
    table = Table(show_header=False)
    table.add_row("training", f"{decision.time.astimezone():%Y-%m-%d %H:%M}, run {decision.pipeline_run}")
    table.add_row("data", escape(decision.data_source))
    table.add_row("gate", f"{decision.outcome}: {escape(decision.reason)}")
    for metric in dict.fromkeys([model.spec.primary, *(target.metric for target in model.spec.targets)]):
        if metric in decision.metrics:
            champion = f", champion {decision.champion}: {decision.champion_value}" if decision.champion_value else ""
            table.add_row(metric, figure(decision.metrics[metric]) + (champion if metric == model.spec.primary else ""))
    table.add_row("version", decision.version or "none")
    if decision.version:
        tags = model_registry.find(model.key, decision.version).tags
        for name in TAGS:
            if tags.get(name):
                table.add_row(name.replace("_", " "), escape(tags[name]))
    out.print(table)
