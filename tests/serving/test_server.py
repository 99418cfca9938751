"""The server as a process: addresses of both families, and nothing lost at SIGTERM."""

import socket
import subprocess
import sys
import time

import httpx
import pyarrow.parquet
import pytest

SERVE = """
import sys
from nivesh.serving import server
from tests.serving.conftest import Echo
server.run([Echo()], ["intent_classifier"], sys.argv[1], int(sys.argv[2]))
"""


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "addresses"),
    [("127.0.0.1", ["127.0.0.1"]), ("::1", ["[::1]"]), ("::", ["127.0.0.1", "[::1]"]), ("0.0.0.0", ["127.0.0.1"])],
)
def test_every_address_answers_and_sigterm_flushes_the_log(home, host, addresses):
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVE, host, str(port)], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read()
            try:
                httpx.get(f"http://{addresses[0]}:{port}/health")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        ids = set()
        for address in addresses:
            answer = httpx.post(f"http://{address}:{port}/predict/intent", json={"query": "hello"})
            assert answer.status_code == 200
            ids.add(answer.headers["X-Prediction-Id"])
    finally:
        process.terminate()
    assert process.wait(timeout=60) == 0
    files = list((home / "predictions").rglob("*.parquet"))
    logged = {row["prediction_id"] for file in files for row in pyarrow.parquet.ParquetFile(file).read().to_pylist()}
    assert logged == ids
