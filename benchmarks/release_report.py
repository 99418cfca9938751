"""The figures of README.md, from the champions of this machine: metrics on held-out rows, never seen in training.

python -m benchmarks.release_report      writes docs/release-report.json and the table in README.md

Run it after ``nivesh demo`` on an empty NIVESH_HOME; tests/test_readme.py holds README.md against the report.
"""

import json
import os
import platform
import re
from datetime import date
from pathlib import Path
from typing import Any

from nivesh import models
from nivesh.cli.tables import figure
from nivesh.registry import bundle, bundle_cache
from nivesh.registry.gate import holds
from nivesh.settings import PROJECT
from nivesh.spec import lookup

REPORT, README = PROJECT / "docs/release-report.json", PROJECT / "README.md"
BLOCK = re.compile(r"(<!-- models: python -m benchmarks.release_report -->\n).*?(<!-- end -->)", re.DOTALL)


def measure() -> dict[str, Any]:
    """The report: date, machine, and each champion's targets with what was measured.

    Raises:
        ModelNotFound: a model without a champion; run ``nivesh demo``.
    """
    return {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}",
        "models": {key: _champion(key) for key in models.keys() if not models.get(key).spec.needs},
    }


def render(report: dict[str, Any]) -> str:
    """The report as README's table."""
    lines = ["| model | request | what it does | target | measured |", "|---|---|---|---|---|"]
    for key in models.keys():
        spec = models.get(key).spec
        rows = report["models"].get(key, [])
        target = "<br>".join(row["target"] for row in rows) or "needs a Google Cloud project"
        measured = "<br>".join(f"{row['measured']}{'' if row['met'] else ' (missed)'}" for row in rows) or "–"
        lines.append(f"| `{key}` | `POST {spec.path}` | {spec.purpose} | {target} | {measured} |")
    return "\n".join([*lines, "", f"Measured on {report['date']} with `make demo`: {report['machine']}.", ""])


def write(report: dict[str, Any], report_path: Path = REPORT, readme: Path = README) -> None:
    """Keep the report, and put its table into README.md."""
    report_path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    readme.write_text(BLOCK.sub(lambda match: match[1] + render(report) + match[2], readme.read_text()))


def _champion(key: str) -> list[dict[str, Any]]:
    metrics = bundle.verify(bundle_cache.champion_folder(key)).metrics
    rows = []
    for threshold in models.get(key).spec.targets:
        value = lookup(metrics, threshold.metric)
        other = lookup(metrics, threshold.other_metric) if threshold.other_metric else None
        rows.append(
            {
                "target": str(threshold) if other is None else f"{threshold} ({figure(other)})",
                "measured": "not measured" if value is None else figure(value),
                "met": holds(threshold, metrics),
            }
        )
    return rows


def _processor() -> str:
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return names[0] if names else platform.machine()
    except OSError:
        return platform.machine()


if __name__ == "__main__":
    write(measure())
