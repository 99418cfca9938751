import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FAMILIES = ("forecast", "remote", "tabular", "text")
TRAINING_ONLY = ("torch", "transformers", "mlflow", "kfp", "scikit-learn", "feast", "pandera")


def test_an_installation_has_all_that_the_requirement_files_name():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["dynamic"]["dependencies"][
        "file"
    ]
    assert listed == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "requirements").glob("*.txt"))


def test_no_serving_image_has_what_only_training_needs():
    for family in ("serving", *FAMILIES):
        lines = (ROOT / "requirements" / f"{family}.txt").read_text().splitlines()
        assert not [line for line in lines if line.startswith(TRAINING_ONLY)]


def folder_of(spec) -> Path:
    """Models that need settings of their own are no part of the base: nobody is given what cannot start."""
    return ROOT / "manifests" / ("remote" if spec.needs else "base")


def test_each_family_of_models_has_an_image_and_a_runtime():
    from nivesh import models

    targets = (ROOT / "Dockerfile").read_text()
    for spec in (models.get(key).spec for key in models.keys()):
        family, folder = spec.runtime, folder_of(spec)
        assert f" AS {family}\n" in targets
        assert (ROOT / "requirements" / f"{family}.txt").exists()
        assert (folder / f"runtime-{family}.yaml").exists()


def test_each_model_has_a_manifest_on_its_own_path():
    from nivesh import models

    for key in models.keys():
        name, folder = key.replace("_", "-"), folder_of(models.get(key).spec)
        listed = (folder / "kustomization.yaml").read_text()
        text = (folder / f"{name}.yaml").read_text()
        assert f"args: [{key}]" in text
        assert f"value: {models.get(key).spec.path}}}" in text
        assert f"runtime: nivesh-{models.get(key).spec.runtime}\n" in text
        assert f"- {name}.yaml" in listed
