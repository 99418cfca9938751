"""What an installation, the requirement files and the manifests must agree on."""

import tomllib
from pathlib import Path

import yaml

from nivesh import models

ROOT = Path(__file__).parent.parent
REQUIREMENTS, MANIFESTS = ROOT / "requirements", ROOT / "manifests"
FAMILIES = ("forecast", "remote", "tabular", "text")
TRAINING_ONLY = ("torch", "transformers", "mlflow", "kfp", "scikit-learn", "feast", "pandera")


def test_an_installation_has_all_that_the_requirement_files_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    assert listed == sorted(str(path.relative_to(ROOT)) for path in REQUIREMENTS.glob("*.txt"))


def test_no_serving_image_has_what_only_training_needs():
    for family in ("serving", *FAMILIES):
        lines = (REQUIREMENTS / f"{family}.txt").read_text().splitlines()
        assert not [line for line in lines if line.startswith(TRAINING_ONLY)]


def test_each_family_of_models_has_requirements_and_a_runtime():
    for spec in (models.get(key).spec for key in models.keys()):
        assert (REQUIREMENTS / f"{spec.runtime}.txt").exists()
        runtime = (MANIFESTS / "runtimes" / spec.runtime / "kustomization.yaml").read_text()
        assert f"newName: nivesh/{spec.runtime}}}" in runtime
        assert f"../runtimes/{spec.runtime}" in resources(spec)


def test_each_model_has_a_manifest_on_its_own_path():
    for key in models.keys():
        name, spec = key.replace("_", "-"), models.get(key).spec
        (values,) = yaml.safe_load((MANIFESTS / "models" / name / "kustomization.yaml").read_text())[
            "configMapGenerator"
        ]
        assert values["name"] == name
        assert values["literals"] == [f"key={key}", f"runtime=nivesh-{spec.runtime}", f"path={spec.path}"]
        assert f"../models/{name}" in resources(spec)


def resources(spec) -> list[str]:
    """Models that need settings of their own are not part of the base, which everybody can start."""
    folder = MANIFESTS / ("remote" if spec.needs else "base")
    return yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
