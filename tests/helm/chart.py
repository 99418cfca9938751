"""helm on this machine, and what it makes of the chart."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.readme import CHART

LOCAL = CHART / "values-local.yaml"
KUBERNETES = "1.34"
HELM = shutil.which("helm", path=f"{os.environ['PATH']}:/var/lib/testcluster/bin")
needs_helm = pytest.mark.skipif(not HELM, reason="needs helm 3 in PATH")


def helm(*arguments: str, code: int = 0) -> str:
    """The output of a helm command that must end with this exit code."""
    assert HELM
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stdout + done.stderr


def template(*files: Path, code: int = 0, values: dict[str, str] | None = None) -> str:
    """The rendered chart with these files and values (path -> JSON), or helm's complaint."""
    given = [part for file in files for part in ("-f", str(file))]
    given += [part for path, value in (values or {}).items() for part in ("--set-json", f"{path}={value}")]
    return helm("template", "nivesh", str(CHART), "-n", "nivesh", "--kube-version", KUBERNETES, *given, code=code)


def objects(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The spec of every pod that the objects make, by kind and name."""
    found = {}
    for one in rendered:
        spec = one.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec) if one["kind"] == "CronJob" else spec
        if one["kind"] in ("Deployment", "CronJob"):
            spec = spec["template"]["spec"]
        elif one["kind"] != "Pod":
            continue
        found[f"{one['kind']} {one['metadata']['name']}"] = spec
    return found
