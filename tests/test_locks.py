"""The images' locked requirements: complete, with hashes, and of the same versions where images share a layer."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
FAMILIES = ("forecast", "remote", "tabular", "text")
# Which requirement files each lock holds; requirements/lock makes them.
LOCKS = {f"serving-{family}": ("serving", family) for family in FAMILIES} | {
    "training": ("serving", "training"),
    "training-forecast": ("forecast", "training-forecast"),
    "training-remote": ("text", "training-text", "remote", "training-remote"),
    "training-tabular": ("tabular", "training-tabular"),
    "training-text": ("text", "training-text"),
    "mlflow": ("tracking",),
    "platform": ("text", "tabular", "forecast", "command-line"),
}


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def locked(name: str) -> dict[str, str]:
    """Package -> version."""
    text = (REQUIREMENTS / "locks" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_up_to_date(name):
    """``make lock`` renews it."""
    versions = locked(name)
    for requirement in (one for file in LOCKS[name] for one in requirements(file)):
        package = {"xgboost": "xgboost-cpu"}.get(requirement.name, requirement.name).replace("_", "-").lower()
        if package == "torch":  # its build is chosen where the image is built
            assert package not in versions
            continue
        assert requirement.specifier.contains(versions.get(package, "0"), prereleases=True), f"{name}: {requirement}"


@pytest.mark.parametrize("name", LOCKS)
def test_a_locked_package_has_hashes_and_no_host(name):
    text = (REQUIREMENTS / "locks" / f"{name}.txt").read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)
    for package in re.split(r"\n(?=[a-z0-9])", text):
        assert "--hash=sha256:" in package, package


def test_what_is_installed_on_the_training_layer_keeps_its_versions():
    base = locked("training")
    for name in (name for name in LOCKS if name.startswith("training-") or name in ("mlflow", "platform")):
        changed = {package for package, version in locked(name).items() if base.get(package, version) != version}
        assert not changed, name


def test_no_serving_lock_has_what_only_training_needs():
    training_only = {"torch", "transformers", "mlflow", "kfp", "scikit-learn", "feast", "pandera"}
    for family in FAMILIES:
        assert not training_only & locked(f"serving-{family}").keys()
