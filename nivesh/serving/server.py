"""KServe's model server with our application: one process, one port, graceful shutdown."""

import gc
import logging
from collections.abc import Sequence

from fastapi import FastAPI
from kserve import ModelServer

from nivesh.serving.app import create_app
from nivesh.serving.prediction_rows import open_recorder
from nivesh.serving.predictor import Predictor
from nivesh.settings import settings

# An empty host listens on all addresses of both families; a socket of "::" alone would not take IPv4.
ALL_ADDRESSES = ""


class Server(ModelServer):
    """KServe's server with another application on an address of its own; KServe itself listens on all addresses.

    The application has routes for all that KServe's own would answer, with its own limits, errors and metrics.
    """

    def __init__(self, app: FastAPI, host: str, port: int, grace_seconds: int = 30):
        super().__init__(http_port=port, enable_grpc=False, enable_latency_logging=False, grace_period=grace_seconds)
        self.app, self.host = app, ALL_ADDRESSES if host in ("::", "0.0.0.0") else host

    async def _serve(self) -> None:
        config = self._rest_server.config
        self._rest_server.create_application = lambda: None
        config.app, config.host = self.app, self.host
        # Without a proxy in between, a client could choose its own address by X-Forwarded-For.
        proxy = settings().trusted_proxy
        config.proxy_headers, config.forwarded_allow_ips = bool(proxy), proxy
        await super()._serve()


def run(predictors: Sequence[Predictor], keys: Sequence[str], host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests on their way are then answered first."""
    server = Server(create_app(predictors, keys), host, port)  # sets KServe's logging up
    # A line for every request costs more than many answers.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    recorder = open_recorder()
    for predictor in predictors:
        predictor.recorder = recorder
    # Models and libraries stay for good; without this the garbage collector scans them in the middle of requests.
    gc.collect()
    gc.freeze()
    try:
        server.start(list(predictors))
    finally:
        if recorder is not None:
            recorder.log.close()
