"""Which part may import which: the pure ones know no platform, and only the command line knows the pipelines."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLATFORMS = {"kfp", "kserve", "mlflow", "feast", "kubernetes"}
PURE = [
    "models",
    "features",
    "data",
    "simulate",
    "gate.py",
    "spec.py",
    "bundle.py",
    "festivals.py",
    "cards.py",
    "rollout",
]


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """First names of the modules that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def files(*places: str) -> list[Path]:
    found = [ROOT / place for place in places]
    return [file for path in found for file in ([path] if path.suffix else sorted(path.rglob("*.py")))]


@pytest.mark.parametrize("path", files(*[f"nivesh/{name}" for name in PURE]), ids=lambda path: path.stem)
def test_pure_code_knows_no_platform(path):
    assert not imports(path) & PLATFORMS


@pytest.mark.parametrize("path", files("components"), ids=lambda path: path.stem)
def test_components_import_nivesh_inside_their_bodies_only(path):
    assert imports(path, top_level_only=True) <= {"kfp", "components", "functools"}


@pytest.mark.parametrize("path", files("nivesh", "predictors", "components"), ids=lambda path: str(path.stem))
def test_only_the_command_line_knows_the_pipelines(path):
    if "cli" not in path.parts:
        assert "pipelines" not in imports(path)


@pytest.mark.parametrize("path", files("nivesh", "predictors", "components", "pipelines"), ids=lambda path: path.stem)
def test_files_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 305, "split it"
    assert not {"utils", "helpers", "common", "manager"} & {path.stem}
