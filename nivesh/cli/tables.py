"""Tables that close a command: models, versions, metrics and targets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from nivesh.spec import Spec


def results(runs: Sequence[Any]) -> Table:
    """Results of local pipeline runs (``pipelines.local.Result``): one row per target."""
    from nivesh import models

    table = Table(title="Held-out rows, never seen in training", title_justify="left")
    for column in ("model", "version", "target", "measured", "", "time"):
        table.add_column(column, justify="right" if column in ("measured", "time") else "left")
    for run in runs:
        spec = models.get(run.key).spec
        version = run.version or "kept " + served_version(run.key)
        for number, row in enumerate(targets(spec, run.metrics)):
            first = number == 0
            table.add_row(run.key if first else "", version if first else "", *row, f"{run.seconds:.0f} s" * first)
        table.add_section()
    return table


def targets(spec: "Spec", metrics: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(target, measured, met or missed) for each target of a model."""
    from nivesh.registry.gate import holds
    from nivesh.spec import lookup

    rows = []
    for limit in spec.targets:
        value = lookup(metrics, limit.metric)
        bound = lookup(metrics, limit.other_metric) if limit.other_metric else None
        target = f"{limit} ({figure(bound)})" if bound is not None else str(limit)
        measured = "not measured" if value is None else figure(value)
        outcome = "[green]met[/]" if holds(limit, metrics) else "[yellow]missed[/]"
        if limit.metric in metrics.get("not_measured", {}):
            measured, outcome = "not measured", ""
        rows.append((target, measured, outcome))
    return rows


def figure(value: float) -> str:
    """A number as people read it: shares with four digits, rupees whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4f}"


def served_version(key: str) -> str:
    """The champion's semantic version, or a dash."""
    from nivesh.registry import model_registry

    champion = model_registry.by_alias(key, model_registry.CHAMPION)
    return model_registry.semantic_version(champion) if champion else "–"
