"""The chart's README from its values and their comments: python -m tests.helm.readme writes it."""

import re
from pathlib import Path

CHART = Path(__file__).parents[2] / "helm" / "nivesh"
LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w.-]+):(?: (?P<value>.*))?$")
HEAD = """# The chart of the platform
MLflow with its database and login, Redis, the jobs of features and monitoring, alerts and dashboards, the gateway's
policies, and the walls around them. The models themselves are in `manifests/`. How to install it:
[docs/kubernetes.md](../../docs/kubernetes.md).

Made from `values.yaml` by `python -m tests.helm.readme`.

| value | default | |
|---|---|---|
"""


def rows(text: str) -> list[tuple[str, str, str]]:
    """(path, default, comment) of every value that is no group of others; a group's comment is a row without default."""
    found: list[tuple[str, str, str]] = []
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip("# "))
        elif not line.strip():
            comment = []  # of the file, not of a value
        elif match := LINE.match(line):
            path[len(match["indent"]) // 2 :] = [match["key"]]
            value = match["value"] or ""
            if value or comment:
                found.append((".".join(path), value, " ".join(comment)))
            comment = []
    return found


def readme() -> str:
    """The text that README.md must have."""
    lines = []
    for path, default, comment in rows((CHART / "values.yaml").read_text()):
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{path}` | {shown} | {comment} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme())
