from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from rich.markup import escape
from rich.table import Table
from typer import Exit, Option

if TYPE_CHECKING:
    from nivesh.doctor.finding import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red", "not configured": "dim"}


def doctor(as_json: Annotated[bool, Option("--json", help="findings as JSON")] = False):
    """Ask every part that the settings name, and say what is wrong and which command mends it. Nothing is changed.

    The exit code is 1 where a part has failed.

    **Examples**

    nivesh doctor

    nivesh doctor --json
    """
    import json
    from dataclasses import asdict

    from nivesh.cli import out
    from nivesh.doctor.examination import examine
    from nivesh.doctor.finding import Status

    findings = examine()
    failed = any(finding.status is Status.FAIL for finding in findings)
    if as_json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        out.print(table(findings))
    raise Exit(int(failed))


def table(findings: list[Finding]) -> Table:
    """A row for each finding; under what is wrong, the command that mends it."""
    made = Table("part", "status", "found")
    for finding in findings:
        colour = COLOURS[finding.status]
        text = escape(finding.message) + (f"\n[bold]→ {escape(finding.remedy)}[/]" if finding.remedy else "")
        made.add_row(escape(finding.part), f"[{colour}]{finding.status}[/]", text)
    return made
