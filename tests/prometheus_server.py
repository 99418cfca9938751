"""A real Prometheus for tests, on a free port of this machine."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import yaml


class PrometheusServer:
    """One server with the configuration given; its data live in the folder."""

    def __init__(self, folder: Path, config: dict[str, Any]):
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        arguments.append(f"--web.listen-address={self.url.removeprefix('http://')}")
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(["prometheus", *arguments], stdout=self.log, stderr=self.log)

    def until_ready(self) -> None:
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/-/ready", trust_env=False).is_success:
                    return
            time.sleep(0.2)
        self.log.seek(0)
        raise AssertionError(f"prometheus does not start: {self.log.read()}")

    def ask(self, query: str) -> list[dict]:
        """Samples of a query: labels and ``value``."""
        return [one["metric"] | {"value": float(one["value"][1])} for one in self._get("query", query=query)["result"]]

    def ask_range(self, query: str, start: float, end: float, step: float) -> list[dict]:
        """Series of a query: ``metric`` (labels) and ``values``, pairs of seconds since 1970 and a number as text."""
        return self._get("query_range", query=query, start=start, end=end, step=step)["result"]

    def metadata(self, metric: str) -> list[dict]:
        """What the scraped targets say of a metric: type and help."""
        return self._get("metadata", metric=metric).get(metric, [])

    def _get(self, path: str, **parameters: Any) -> dict:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, trust_env=False, timeout=60).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
