"""Model cards in Markdown: purpose, data, metrics, fairness and caveats of one version."""

from typing import Any

from nivesh.registry import experiments, model_registry
from nivesh.registry.gate import Verdict, holds
from nivesh.settings import settings
from nivesh.spec import Spec, lookup

MAX_DESCRIPTION = 5000  # characters; a limit of MLflow


def card(spec: Spec, version: str, metrics: dict[str, Any], verdict: Verdict, provenance: dict[str, Any]) -> str:
    """The card of a trained version, whether the gate passed it or not."""
    lines = [
        f"# {spec.key} {version}",
        "",
        spec.purpose,
        "",
        f"**Gate:** {'passed' if verdict.passed else 'refused'}: {verdict.reason}.",
        "",
        f"**Targets:** {'below target' if verdict.missed else 'all met'}.",
        *(["", f"**Measured on:** {metrics['evaluated_on']}."] if metrics.get("evaluated_on") else []),
        "",
        "| target | measured | |",
        "|---|---|---|",
    ]
    for threshold in (*spec.targets, *spec.floor):
        value, outcome = _number(lookup(metrics, threshold.metric)), "met" if holds(threshold, metrics) else "missed"
        if why := metrics.get("not_measured", {}).get(threshold.metric):
            value, outcome = "–", f"not measured: {why}"
        lines.append(f"| {threshold} | {value} | {outcome} |")
    lines += ["", "## Data", ""]
    lines += [
        f"- {name.replace('_', ' ')}: {value}" for name, value in provenance.items() if not isinstance(value, dict)
    ]
    lines += ["", "## Metrics on held-out rows", "", *_table(metrics)]
    for section in ("slices", "fairness", "per_entity", "per_intent", "per_kind"):
        if isinstance(metrics.get(section), dict):
            lines += ["", f"## {section.replace('_', ' ').capitalize()}", "", *_nested(metrics[section])]
    lines += ["", "## Parameters", "", *_table(provenance.get("params", {}))]
    lines += ["", "## Caveats", "", *[f"- {caveat}" for caveat in spec.caveats]]
    return "\n".join(lines) + "\n"


def save(key: str, version: str, card: str) -> None:
    """Save a version's card: as its description in MLflow, and as a file in the reports folder."""
    chosen, shown = model_registry.find(key, version), card
    if len(card) > MAX_DESCRIPTION:
        shown = (
            card[: card.rindex("\n", 0, MAX_DESCRIPTION - 100)]
            + f"\n\n… more in report/card.md of run {chosen.run_id}\n"
        )
    experiments.client().update_model_version(key, chosen.version, description=shown)
    folder = settings().reports / key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"card-{version}.md").write_text(card, encoding="utf-8")


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _table(values: dict[str, Any]) -> list[str]:
    rows = [f"| {name} | {_number(value)} |" for name, value in values.items() if not isinstance(value, dict | list)]
    return ["| name | value |", "|---|---|", *rows]


def _nested(section: dict[str, Any]) -> list[str]:
    """A row per group where the groups have the same columns, else name and value."""
    groups = {name: value for name, value in section.items() if isinstance(value, dict)}
    lines = _table(section) if len(groups) < len(section) else []
    flat = {name: group for name, group in groups.items() if not any(isinstance(v, dict) for v in group.values())}
    columns = list(dict.fromkeys(column for group in flat.values() for column in group))
    if flat:
        lines += ["", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        lines += [
            f"| {name} | " + " | ".join(_number(g.get(c, "")) for c in columns) + " |" for name, g in flat.items()
        ]
    for name, group in groups.items():
        if name not in flat:
            lines += ["", f"### {name.replace('_', ' ')}", "", *_nested(group)]
    return lines
