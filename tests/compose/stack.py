"""docker-compose.yaml as processes of this machine: each service by its own command, with other ports and folders."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from nivesh.settings import PROJECT
from nivesh.store import local_redis
from tests.conformance.conftest import free_port

FILE = PROJECT / "docker-compose.yaml"
PORTS = {"mlflow": 5000, "redis": 6379, "server": 8000, "monitor": 9108, "prometheus": 9090}
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def load(environment: dict[str, str]) -> dict[str, Any]:
    """The file as compose reads it, with its variables from ``environment``; merge keys are YAML's own.

    Raises:
        KeyError: a variable that must be set is empty; compose refuses the file with the words after ``:?``.
    """

    def value(match: re.Match) -> str:
        name, kind, rest = match.groups()
        if found := environment.get(name):
            return found
        if kind == "-":
            return rest
        raise KeyError(f"{name}: {rest}")

    return yaml.safe_load(VARIABLE.sub(value, FILE.read_text()))


def environment(folder: Path) -> dict[str, str]:
    """What compose/make-env writes to .env, made in ``folder``, as a shell reads it."""
    shutil.copy(PROJECT / ".env.example", folder)
    subprocess.run([PROJECT / "compose/make-env", folder], check=True, capture_output=True)
    command = 'set -a; . "$0"; env -0'
    output = subprocess.run(["sh", "-c", command, folder / ".env"], env={}, check=True, capture_output=True).stdout
    return dict(line.split("=", 1) for line in output.decode().split("\0") if "=" in line)


class Stack:
    """Services that are started one by one; ``ports`` maps each to its port here."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.variables = environment(folder)
        self.services = load(self.variables)["services"]
        self.ports = {name: free_port() for name in PORTS}
        self.processes: dict[str, subprocess.Popen] = {}

    def url(self, service: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def here(self, text: str) -> str:
        """A text of the file with this machine's addresses, ports and folders."""
        for service, port in PORTS.items():
            text = text.replace(f"{service}:{port}", f"127.0.0.1:{self.ports[service]}")
            text = re.sub(rf"(--port=|localhost:|:){port}\b", rf"\g<1>{self.ports[service]}", text)
        for volume in ("/mlflow", "/data", "/nivesh", "/prometheus"):
            text = re.sub(rf"(?<![\w.-]){volume}(?=/|$)", str(self.folder / volume[1:]), text)
        return text.replace("/etc/prometheus", str(self.folder / "etc"))

    def start(self, service: str, entrypoint: list[str]) -> None:
        """Run a service's command; ``entrypoint`` is that of its image."""
        found = self.services[service]
        for folder in ("mlflow", "data", "nivesh", "prometheus"):
            (self.folder / folder).mkdir(exist_ok=True)
        variables = {name: self.here(value) for name, value in found.get("environment", {}).items()}
        # Redis takes its port from no option in the file.
        extra = ["--port", str(self.ports["redis"])] if service == "redis" else []
        with (self.folder / f"{service}.log").open("w") as log:
            self.processes[service] = subprocess.Popen(
                [*entrypoint, *(self.here(word) for word in found["command"]), *extra],
                env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
                | {name: os.environ[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE") if name in os.environ}
                | {"HOME": str(self.folder)}
                | variables,
                cwd=self.here(found.get("working_dir", str(self.folder))),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def until(self, service: str, what: str, check: Callable[[], Any], seconds: float = 180) -> Any:
        """What check() gives when it is true; AssertionError with the service's log."""
        end = time.monotonic() + seconds
        while True:
            try:
                if found := check():
                    return found
            except httpx.TransportError:
                pass
            process = self.processes[service]
            assert process.poll() is None, f"{service} ended: {self.log(service)}"
            assert time.monotonic() < end, f"gave up waiting for {what}: {self.log(service)}"
            time.sleep(0.2)

    def stop(self, service: str) -> int:
        process = self.processes.pop(service)
        process.terminate()
        try:
            return process.wait(timeout=30)
        finally:
            process.kill()

    def close(self) -> None:
        for service in reversed(list(self.processes)):
            self.stop(service)


def redis_cli() -> str | None:
    """The redis-cli beside redis-server, if there is one."""
    beside = Path(local_redis.executable()).with_name("redis-cli")
    return str(beside) if beside.exists() else shutil.which("redis-cli")
