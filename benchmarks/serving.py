"""Latency and throughput of each path of a model server on this machine.

python -m benchmarks.serving                      starts a server; 2,000 requests per path, 8 at a time
python -m benchmarks.serving --url http://127.0.0.1:8080 --requests 500 --concurrency 16
"""

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from nivesh import data, models
from nivesh.store import online_store

LOCAL = ("127.0.0.1", "localhost")
MAX_REQUESTS, MAX_CONCURRENCY, PATH_TIMEOUT_SECONDS = 20_000, 64, 300


def request_bodies(key: str, seed: int = 0) -> list[dict[str, Any]]:
    """Different request bodies for a model: the texts of the sample, or the users that have online features."""
    spec = models.get(key).spec
    if spec.dataset in ("intents", "ner"):
        (field,) = spec.example
        return [{field: text} for text in data.read(spec.dataset)["text"].sample(400, random_state=seed)]
    users = data.read("transactions")["user_id"].unique()
    known = [user for user in users if online_store.get_features(user, spec.user_features)]
    return [spec.example | {"user_id": user} for user in random.Random(seed).sample(known, len(known))]


async def measure(
    url: str, path: str, requests: list[dict[str, Any]], total: int, concurrency: int
) -> dict[str, float]:
    """Send ``total`` requests, ``concurrency`` at a time.

    Returns:
        requests, errors (counts), p50_ms, p99_ms (latency in milliseconds), per_second (requests).
    """
    queue = iter(itertools.islice(itertools.cycle(requests), total))
    seconds: list[float] = []
    errors = 0

    async def worker(client: httpx.AsyncClient) -> None:
        nonlocal errors
        for body in queue:
            started = time.perf_counter()
            answer = await client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
            seconds.append(time.perf_counter() - started)
            errors += answer.status_code != httpx.codes.OK

    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await client.post(path, json=requests[0])
        started = time.perf_counter()
        async with asyncio.timeout(PATH_TIMEOUT_SECONDS):
            await asyncio.gather(*(worker(client) for _ in range(concurrency)))
        wall = time.perf_counter() - started
    p50, p99 = np.percentile(seconds, (50, 99)) * 1000
    return {"requests": len(seconds), "errors": errors, "p50_ms": p50, "p99_ms": p99, "per_second": len(seconds) / wall}


def main() -> None:
    local = [key for key in models.keys() if not models.get(key).spec.needs]  # the others cost money
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="", help="a running server on this machine; without it, one is started")
    parser.add_argument("--requests", type=int, default=2000, help=f"per path, at most {MAX_REQUESTS}")
    parser.add_argument("--concurrency", type=int, default=8, help=f"concurrent requests, at most {MAX_CONCURRENCY}")
    parser.add_argument("--keys", nargs="*", default=local, help="models to measure")
    options = parser.parse_args()
    total, concurrency = min(options.requests, MAX_REQUESTS), min(options.concurrency, MAX_CONCURRENCY)
    url, server = options.url, None
    if not url:
        url = "http://127.0.0.1:8099"
        server = subprocess.Popen(
            [sys.executable, "-m", "nivesh.cli", "serve", "--port", "8099"], stderr=subprocess.DEVNULL
        )
    if httpx.URL(url).host not in LOCAL:
        parser.error(f"--url {url}: only a server on this machine may be load-tested")
    try:
        _wait(url)
        table = Table(
            "path", "requests", "errors", "p50 ms", "p99 ms", "requests/s", title=f"concurrency {concurrency}"
        )
        for key in options.keys:
            path = models.get(key).spec.path
            found = asyncio.run(measure(url, path, request_bodies(key), total, concurrency))
            figures = (f"{found[name]:,.1f}" for name in ("p50_ms", "p99_ms", "per_second"))
            table.add_row(path, str(found["requests"]), str(found["errors"]), *figures)
        Console().print(table)
    finally:
        if server:
            server.terminate()
            server.wait(timeout=60)


def _wait(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{url}/health")
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
