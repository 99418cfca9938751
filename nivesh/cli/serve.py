from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

if TYPE_CHECKING:
    from nivesh.serving.predictor import Predictor

WAIT_SECONDS = 5


def serve(
    keys: Annotated[list[str] | None, Argument(help="the models; all of them without any")] = None,
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="port to listen on")] = 8080,
    wait: Annotated[bool, Option("--wait", help="where there is no champion yet, wait for the first one")] = False,
):
    """Serve the champions on one port: the guide's paths, KServe's V1 and V2 protocols, /metrics, /health.

    **Examples**

    nivesh serve

    curl -s localhost:8080/predict/intent -H 'Content-Type: application/json' -d '{"query": "Can I afford a car loan?"}'
    """
    from nivesh import models
    from nivesh.cli import err, ready
    from nivesh.errors import ModelNotFound
    from nivesh.serving import server

    wanted = [models.get(key).key for key in keys or ready()]
    found = _champions(wanted, wait)
    if not found:
        raise ModelNotFound("there is no champion of any model to serve; train one: nivesh train intent_classifier")
    check_port(host, port)
    for predictor in found:
        predictor.load()
        err.print(f"{predictor.key} {predictor.version}: POST {predictor.spec.path}", highlight=False)
    err.print(f"[green]serving[/] on http://{f'[{host}]' if ':' in host else host}:{port}", highlight=False)
    server.run(found, wanted, host, port)


def _champions(keys: list[str], wait: bool) -> list[Predictor]:
    """The predictors of the models that have a champion; a line for each other one.

    Args:
        keys: of the models.
        wait: return when there is at least one; look every WAIT_SECONDS, and say so once.
    """
    import predictors
    from nivesh.cli import err
    from nivesh.errors import ModelNotFound
    from nivesh.registry import bundle_cache

    waiting = False
    while True:
        found, missing = [], []
        for key in keys:
            try:
                found.append(predictors.create(key, bundle_cache.champion_folder(key)))
            except ModelNotFound as error:
                missing.append(f"[yellow]without {key}[/]: {error}")
        if found or not waiting:
            for line in missing:
                err.print(line, highlight=False)
        if found or not wait:
            return found
        if not waiting:
            err.print("waiting for the first champion", highlight=False)
        waiting = True
        time.sleep(WAIT_SECONDS)


def check_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on before the models are loaded.

    Raises:
        SettingsError: the port is taken, or the host is no address of this machine.
    """
    import socket

    from nivesh.errors import SettingsError

    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another --host or --port"
        ) from None
