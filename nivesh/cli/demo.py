import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

from typer import Option

from nivesh.cli import out, ready


def demo(
    port: Annotated[int, Option(help="port of the server that is started and stopped; 0 is any free one")] = 0,
    seed: Annotated[int, Option(help="draws the held-out rows")] = 0,
):
    """The main job, from the data that ship to predictions over HTTP: train, gate, register, package, serve, ask.

    **Example**: nivesh demo
    """
    from rich.json import JSON
    from rich.rule import Rule

    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.cli.tables import results
    from nivesh.settings import settings
    from nivesh.store.materialization import materialize

    started = time.monotonic()
    out.print(Rule("1. Train: a Kubeflow pipeline for each model, run by kfp.local"))
    keys = ready()
    runs, errors = _train(keys, seed)
    out.print(Rule("2. Online features of the users"))
    with bar("materialize") as progress:
        users = materialize(None, progress)
    out.print(", ".join(f"{group}: {number} users" for group, number in users.items()))
    out.print(Rule("3. Serve, and ask what the guide asks"))
    for key, answer, milliseconds in _ask(keys, port or _free_port()):
        spec = models.get(key).spec
        out.print(f"\n[bold]POST {spec.path}[/] {json.dumps(spec.example, ensure_ascii=False)}", highlight=False)
        out.print(JSON.from_data(answer, ensure_ascii=False), f"[dim]{milliseconds:.1f} ms[/]")
    out.print(Rule("4. What came out"))
    out.print(results(runs))
    for run in runs:
        out.print(f"{run.key}: {run.verdict['reason']}", highlight=False)
        out.print(f"  report and plots: {run.report}", highlight=False, soft_wrap=True)
    for key, error in errors.items():
        out.print(f"[bold red]{key} failed[/]: {error}", highlight=False)
    out.print(f"\nModel cards:   {settings().reports}", highlight=False, soft_wrap=True)
    out.print(
        f"MLflow's page: mlflow ui --backend-store-uri {settings().mlflow_uri}",
        highlight=False,
        soft_wrap=True,
    )
    out.print("Serve again:   nivesh serve", highlight=False)
    out.print(f"Done in {time.monotonic() - started:.0f} s.", highlight=False)
    if errors:
        sys.exit(1)


def _train(keys: list[str], seed: int) -> tuple[list, dict[str, Exception]]:
    """Results of the pipelines that ran through, and the errors of those that did not."""
    from nivesh import models
    from nivesh.cli.progress import bars
    from nivesh.registry import experiments
    from pipelines.parallel import run_all

    experiments.client().search_experiments()  # MLflow makes its tables now, before several processes want to
    longest_first = {"text": 0, "forecast": 1}
    keys = sorted(keys, key=lambda key: longest_first.get(models.get(key).spec.runtime, 2))
    with bars(keys) as report:
        outcomes = run_all(
            keys, {"seed": seed}, lambda key, step, fraction, text: report(key, fraction, f"{step} {text}")
        )
        for key, outcome in outcomes.items():
            report(key, 1.0, "failed" if isinstance(outcome, Exception) else outcome.verdict["reason"])
    errors = {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Exception)}
    return [outcome for outcome in outcomes.values() if not isinstance(outcome, Exception)], errors


def _ask(keys: list[str], port: int):
    """Start a server, send each model's example to its path, stop the server: (key, answer, milliseconds)."""
    import httpx

    from nivesh import models
    from nivesh.settings import settings

    log = settings().home / "serve.log"
    with log.open("w") as file:
        command = [sys.executable, "-m", "nivesh.cli", "serve", "--port", str(port)]
        server = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client, server, log)
            for key in keys:
                spec = models.get(key).spec
                before = time.perf_counter()
                answer = client.post(spec.path, json=spec.example).json()
                yield key, answer, (time.perf_counter() - before) * 1000
            out.print(f"\n[bold]GET /health[/] {client.get('/health').text}", highlight=False)
    finally:
        server.terminate()
        server.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait(client, server: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    import httpx

    from nivesh.errors import NiveshError

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NiveshError(f"the server did not start: {log.read_text().strip()[-500:]}")
        try:
            client.get("/health")
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise NiveshError(f"the server did not answer within {seconds:.0f} s")
