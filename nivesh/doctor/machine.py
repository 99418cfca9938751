"""This machine: Python, packages, the home, and its clock against those of the other parts."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path

import httpx
import redis
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from nivesh.doctor.finding import TIMEOUT, Finding, Status, fail, ok, warn
from nivesh.settings import settings
from nivesh.store.storage_format import MAX_CLOCK_SKEW

PYTHONS = ">=3.11,<3.14"  # where the package's metadata are not installed, as in an image; pyproject.toml has the same
# A home with all five models, MLflow and features has 0.5 GB; a training's work takes as much again.
LITTLE_SPACE, NO_SPACE = 2e9, 2e8  # bytes
NOTICEABLE_SKEW = 5.0  # seconds; a Date header is exact to one, and the answer took a part of another
INSTALL = "make demo, or .venv/bin/pip install -e ."


def python() -> list[Finding]:
    """Whether this Python is one of those that the project supports."""
    try:
        wanted = metadata.metadata("nivesh")["Requires-Python"]
    except metadata.PackageNotFoundError:
        wanted = PYTHONS
    version = ".".join(map(str, sys.version_info[:3]))
    if SpecifierSet(wanted).contains(version):
        return [ok("Python", version)]
    return [fail("Python", f"{version} is not {wanted}", "make PYTHON=python3.11 demo, after removing .venv")]


def packages() -> list[Finding]:
    """Whether the installed packages are those that the project asks for."""
    try:
        wanted = metadata.requires("nivesh") or []
    except metadata.PackageNotFoundError:
        return [ok("packages", "those of the image")]
    return [compare(wanted, _installed)]


def compare(wanted: Iterable[str], installed: Callable[[str], str | None]) -> Finding:
    """Requirements against the installed versions.

    Args:
        wanted: requirements as in a wheel's metadata; those of extras are passed over.
        installed: name of a package -> its version, or None.
    """
    count, wrong = 0, []
    for requirement in map(Requirement, wanted):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        version = installed(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version or 'is missing'} (needs {requirement.specifier or 'any'})")
    if wrong:
        return fail("packages", ", ".join(wrong), INSTALL)
    return ok("packages", f"{count} fit")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def home() -> list[Finding]:
    """Whether the home can be written, and how much room it has. Nothing is written to find out."""
    folder = settings().home.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    remedy = "set NIVESH_HOME to a folder that you can write"
    if not existing.is_dir():
        return [fail("home", f"{folder}: {existing} is no folder", remedy)]
    if not os.access(existing, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return [fail("home", f"{folder} cannot be written", f"{remedy}, or chown {existing}")]
    return [_space(folder, existing)]


def _space(folder: Path, existing: Path) -> Finding:
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / 1e9:.1f} GB free"
    remedy = "free some space, or set NIVESH_HOME to a folder of another disk"
    if free < NO_SPACE:
        return fail("home", text, remedy)
    return warn("home", text, remedy) if free < LITTLE_SPACE else ok("home", text)


def clocks() -> list[Finding]:
    """This machine's clock against those of MLflow, Prometheus and Redis, where they answer."""
    current = settings()
    ahead = {}
    for name, url in (("MLflow", current.tracking_uri), ("Prometheus", current.prometheus_url)):
        if url.startswith("http"):
            try:
                answer = httpx.get(url.rstrip("/") + "/health", timeout=TIMEOUT)
                ahead[name] = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
            except (httpx.HTTPError, KeyError, ValueError):
                continue  # the part's own check tells
    if current.redis_url:
        try:
            with redis.Redis.from_url(
                current.redis_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            ) as client:
                seconds, micros = client.time()
                ahead["Redis"] = seconds + micros / 1e6 - time.time()
        except (redis.RedisError, ValueError, TypeError):
            pass
    return [skew(ahead)]


def skew(ahead: dict[str, float]) -> Finding:
    """How far clocks are apart.

    Args:
        ahead: part -> seconds by which its clock is ahead of this machine's.
    """
    if not ahead:
        return Finding("clocks", Status.NOT_CONFIGURED, "no other part was asked for its time")
    name, worst = max(ahead.items(), key=lambda item: abs(item[1]))
    text = f"that of {name} is {abs(worst):.0f} s {'ahead of' if worst > 0 else 'behind'} this machine's"
    remedy = "sudo timedatectl set-ntp true, on the machine whose clock is wrong"
    if abs(worst) > MAX_CLOCK_SKEW:  # features of the future are refused
        return fail("clocks", text, remedy)
    if abs(worst) > NOTICEABLE_SKEW:
        return warn("clocks", text, remedy)
    return ok("clocks", f"within {NOTICEABLE_SKEW:g} s of {', '.join(ahead)}")
