"""One served model: a bundle behind KServe's protocols and the guide's own path.

predictor = Predictor("intent_classifier", bundle_folder)
await predictor.answer([{"query": "Can I afford a car loan?"}])
"""

import asyncio
import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import kserve
from kserve import InferInput, InferOutput, InferRequest, InferResponse
from pydantic import ValidationError

from nivesh.errors import DataError, FeaturesUnavailable, NiveshError, UserNotFound
from nivesh.registry import bundle
from nivesh.serving import metrics
from nivesh.settings import thread_count
from nivesh.store import online_store

log = logging.getLogger("nivesh.serving.predictor")
WAITING_PER_THREAD = 64
DAY = 86_400


class Overloaded(NiveshError):
    """More requests wait than can be answered in time; try again a little later."""


class PredictionFailed(NiveshError):
    """The model failed on a request that had passed all checks; the server's log has the traceback."""


class Predictor(kserve.Model):
    """A model's bundle as a KServe model, named by its key with dashes.

    Predictions run in a pool of threads, so that the event loop stays free for health checks and other requests.
    """

    key: str

    def __init__(self, folder: Path, name: str | None = None, key: str | None = None):
        self.key = key or self.key
        super().__init__(name or self.key.replace("_", "-"))
        self.folder = folder
        self.manifest: bundle.Manifest | None = None

    def load(self) -> bool:
        """Verify the bundle, load the model and answer the example once, so that the first user need not wait.

        Raises:
            BundleError: the bundle is incomplete, was changed, or holds another model.
        """
        self.manifest, self.module, self.model = bundle.load(self.folder, self.key)
        self.spec = self.module.spec
        self.labels = {"model_name": self.key, "version": self.manifest.version}
        primary = self.manifest.metrics.get(self.spec.primary)
        if primary is not None:
            metrics.ACCURACY.labels(**self.labels).set(primary)
        self.waiting = 0
        self._warm_up()
        self.ready = True
        metrics.ACTIVE.inc()
        return True

    def _warm_up(self) -> None:
        """Answer the example once: what libraries import and build at their first use is not paid by a user."""
        try:
            self._answer([self.spec.example])
        except (UserNotFound, FeaturesUnavailable):
            log.info("%s is not warmed up: the example's user has no features", self.key)

    def stop(self) -> None:
        if self.ready:
            metrics.ACTIVE.dec()
        self.ready = False

    async def answer(self, requests: list[Any]) -> list[dict]:
        """One answer (the guide's JSON) per request, counted and timed.

        Raises:
            DataError: a request does not fit the model's Request; the message names the field.
            UserNotFound: nothing is known about a user of a request.
            FeaturesUnavailable: the feature store is away, or what it holds is too old for the model.
            Overloaded: too many requests wait.
            PredictionFailed: the model failed on a request that fits.
        """
        started = time.perf_counter()
        try:
            if self.waiting >= WAITING_PER_THREAD * thread_count():
                raise Overloaded(f"{self.key}: {self.waiting} requests wait already; try again in a second")
            self.waiting += 1
            try:
                answers = await asyncio.get_running_loop().run_in_executor(self.threads(), self._answer, requests)
            finally:
                self.waiting -= 1
        except NiveshError as error:
            self.count_error(type(error).__name__, len(requests))
            raise
        except Exception as error:
            self.count_error(type(error).__name__, len(requests))
            log.exception("%s failed", self.key)
            raise PredictionFailed(
                f"{self.key} failed on this request ({type(error).__name__}); see the log"
            ) from error
        metrics.LATENCY.labels(**self.labels).observe(time.perf_counter() - started)
        metrics.PREDICTIONS.labels(**self.labels, status="success").inc(len(requests))
        return answers

    def count_error(self, error_type: str, requests: int = 1) -> None:
        """Count requests that got no answer."""
        metrics.ERRORS.labels(**self.labels, error_type=error_type).inc()
        metrics.PREDICTIONS.labels(**self.labels, status="error").inc(requests)

    def threads(self) -> ThreadPoolExecutor:
        """Where predictions run."""
        return pool()

    def _answer(self, requests: list[Any]) -> list[dict]:
        checked = [self._check(request, number) for number, request in enumerate(requests, 1)]
        if self.spec.user_features:
            self._add_features([one for one in checked if not self.spec.consent or one[self.spec.consent]])
        return self.module.predict(self.model, checked)

    def _check(self, request: Any, number: int) -> dict:
        if not isinstance(request, dict):
            raise DataError(f"instance {number} is a {type(request).__name__}; give an object like {self.spec.example}")
        try:
            return self.module.Request(**request).model_dump()
        except (ValidationError, TypeError) as error:
            raise DataError(f"instance {number}: {explain(error)}") from None

    def _add_features(self, requests: list[dict]) -> None:
        """Complete requests with their users' features, read for all of them at once."""
        users = {request["user_id"] for request in requests}
        if not users:
            return
        found, now = online_store.read(users, self.spec.user_features), time.time()
        for request in requests:
            stored = found[request["user_id"]]
            if stored is None:
                raise UserNotFound(
                    f"no {self.spec.user_features} features for user {request['user_id']!r}; "
                    "make them from the user's transactions: nivesh features materialize"
                )
            age = max(0.0, now - stored.moment)
            metrics.FEATURE_AGE.labels(**self.labels).observe(age)
            if self.spec.max_feature_age is not None and age > self.spec.max_feature_age:
                raise FeaturesUnavailable(
                    f"the {self.spec.user_features} features of user {request['user_id']!r} are {age / DAY:.1f} days old "
                    f"and {self.key} takes at most {self.spec.max_feature_age / DAY:g}; nivesh features materialize"
                )
            request["features"] = stored.features

    async def predict(self, payload: dict | InferRequest, headers: dict | None = None) -> dict | InferResponse:
        """KServe's protocols. V1: {"instances": [request, …]} -> {"predictions": [answer, …]}.

        V2: one tensor per field of the request, all of the same length, or one BYTES tensor ``request`` of JSON
        objects -> one BYTES tensor ``answer`` of JSON objects.
        """
        if isinstance(payload, InferRequest):
            answers = await self.answer(_rows(payload))
            encoded = [json.dumps(answer, ensure_ascii=False) for answer in answers]
            output = InferOutput("answer", [len(encoded)], "BYTES", data=encoded)
            return InferResponse(
                payload.id or uuid.uuid4().hex, self.name, [output], model_version=self.manifest.version
            )
        instances = payload.get("instances") if isinstance(payload, dict) else None
        if not isinstance(instances, list) or not instances:
            raise DataError(f'give {{"instances": [{json.dumps(self.spec.example)}]}} with one object or more')
        return {"predictions": await self.answer(instances)}

    def get_input_types(self) -> list[dict]:
        return [{"name": "request", "datatype": "BYTES", "shape": [-1]}]

    def get_output_types(self) -> list[dict]:
        return [{"name": "answer", "datatype": "BYTES", "shape": [-1]}]


@cache
def pool() -> ThreadPoolExecutor:
    """The one pool of threads of all predictors of this process."""
    return ThreadPoolExecutor(thread_count(), thread_name_prefix="predict")


def explain(error: Exception) -> str:
    """A validation error as one sentence that names the fields."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'request'}: {e['msg']}" for e in error.errors())


def _rows(payload: InferRequest) -> list[dict]:
    """The requests in the tensors of a V2 payload."""
    columns = {tensor.name: _values(tensor) for tensor in payload.inputs}
    if len({len(values) for values in columns.values()}) != 1:
        raise DataError("all tensors must have the same number of elements, one per request")
    if set(columns) == {"request"}:
        try:
            return [json.loads(value) for value in columns["request"]]
        except ValueError as error:
            raise DataError(f"tensor request: not JSON ({error})") from None
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(tensor: InferInput) -> list:
    values = tensor.as_numpy().reshape(-1).tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]
