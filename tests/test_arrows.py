"""What import-linter's contracts in pyproject.toml cannot say of the layout."""

import ast
from pathlib import Path

import pytest

from nivesh import models
from nivesh.features import groups

ROOT = Path(__file__).parent.parent


def top_level_imports(path: Path) -> set[str]:
    """First names of the modules that a file imports outside its functions."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", files("components"), ids=lambda path: path.stem)
def test_components_import_nivesh_inside_their_bodies_only(path):
    assert top_level_imports(path) <= {"kfp", "components", "functools"}


@pytest.mark.parametrize("path", files("nivesh", "predictors", "components", "pipelines"), ids=lambda path: path.stem)
def test_files_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 300, "split it"
    assert not {"utils", "helpers", "common", "manager"} & {path.stem}


@pytest.mark.parametrize("key", models.keys())
def test_every_package_of_a_model_has_the_same_files(key):
    package = ROOT / "nivesh/models" / key
    assert {"schema", "training", "inference", "evaluation", "plots"} <= {file.stem for file in package.glob("*.py")}


@pytest.mark.parametrize("key", models.keys())
def test_the_features_that_a_model_reads_are_computed(key):
    group = models.get(key).spec.user_features
    assert not group or group in groups.COMPUTE
