"""KServe's model server with our predictors: one process, one port, V1, V2 and the guide's paths."""

import gc
import logging
from collections.abc import Sequence

from kserve import ModelRepository, ModelServer, model_server

from nivesh.serving import app
from nivesh.serving.predictor import Predictor


class Repository(ModelRepository):
    """Models by their names with dashes; the key with underscores finds the same model."""

    def get_model(self, name: str):
        return super().get_model(name.replace("_", "-"))

    def is_model_ready(self, name: str):
        return super().is_model_ready(name.replace("_", "-"))


class Server(ModelServer):
    """KServe's server on one address. KServe itself always listens on all of them, which a laptop must not."""

    def __init__(self, host: str, port: int, grace_seconds: int = 30):
        super().__init__(
            http_port=port,
            registered_models=Repository(),
            enable_grpc=False,
            enable_latency_logging=False,
            grace_period=grace_seconds,
        )
        self.host = host

    async def _serve(self) -> None:
        self._rest_server.config.host = self.host
        await super()._serve()


def run(predictors: Sequence[Predictor], keys: Sequence[str], host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests on their way are then answered first."""
    app.install(model_server.app, predictors, keys)
    server = Server(host, port)  # sets KServe's logging up
    for name in ("uvicorn.access", "kserve.trace"):  # lines for every request cost more than many answers
        logging.getLogger(name).setLevel(logging.WARNING)
    # Models and libraries stay for good: without this the garbage collector goes through them in the midst of answers.
    gc.collect()
    gc.freeze()
    server.start(list(predictors))
