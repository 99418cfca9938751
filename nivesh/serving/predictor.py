"""One served model: a bundle behind the guide's path and KServe's protocols.

predictor = Predictor("intent_classifier", bundle_folder)
predictor.load()
await predictor.answer([{"query": "Can I afford a car loan?"}])
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import kserve
from pydantic import ValidationError

from nivesh import models
from nivesh.errors import (
    DataError,
    FeaturesUnavailable,
    NiveshError,
    Overloaded,
    PredictionFailed,
    RequestTooLarge,
    UserNotFound,
)
from nivesh.registry import bundle, loaded_model
from nivesh.serving import metrics
from nivesh.serving.prediction_rows import Recorder
from nivesh.serving.responses import status_of
from nivesh.settings import settings, thread_count
from nivesh.store import online_store
from nivesh.store.storage_format import Stored

log = logging.getLogger("nivesh.serving.predictor")
DAY = 86_400
# Seconds that a request may wait for a thread. One that waited longer is refused: its client has most likely given up, and
# answering it would make those behind it late as well.
MAX_WAIT_SECONDS = 2.0


class Predictor(kserve.Model):
    """A model's bundle as a KServe model, named by its key with dashes.

    Predictions run in a pool of threads, so that the event loop stays free for health checks and other requests.
    """

    manifest: bundle.Manifest
    fitted: models.interface.Fitted

    def __init__(self, key: str, folder: Path, name: str | None = None):
        super().__init__(name or key.replace("_", "-"))
        self.key, self.folder = key, folder
        self.model = models.get(key)
        self.spec = self.model.spec
        self.max_instances = settings().max_instances
        self.recorder: Recorder | None = None

    @property
    def version(self) -> str:
        """The semantic version of the bundle."""
        return self.manifest.version

    def load(self) -> bool:
        """Verify the bundle, load the model and answer the example once.

        Raises:
            BundleError: the bundle is incomplete, was changed, or holds another model.
        """
        self.manifest, _, self.fitted = loaded_model.load(self.folder, self.key)
        self.labels = {"model_name": self.key, "version": self.version}
        primary = self.manifest.metrics.get(self.spec.primary)
        if primary is not None:
            metrics.ACCURACY.labels(**self.labels, source=metrics.HELD_OUT).set(primary)
        self._warm_up()
        self.ready = True
        metrics.ACTIVE.inc()
        return True

    def _warm_up(self) -> None:
        """Answer the example once: the first user must not wait for lazy imports and caches."""
        try:
            self._predict([self.spec.example])
        except (UserNotFound, FeaturesUnavailable):
            log.info("%s is not warmed up: the example's user has no features", self.key)

    def stop(self) -> None:
        if self.ready:
            metrics.ACTIVE.dec()
        self.ready = False

    def executor(self) -> Executor:
        """The pool of threads that predictions run in."""
        return _executor()

    async def answer(self, instances: list[Any], prediction_id: str = "") -> list[dict]:
        """One answer (the guide's JSON) per instance, counted, timed and logged.

        Args:
            instances: requests as the client sent them.
            prediction_id: of the request in the prediction log; instances of a batch are numbered behind it.

        Raises:
            DataError: an instance does not fit the model's Request; the message names the field.
            RequestTooLarge: there are more instances than NIVESH_MAX_INSTANCES.
            UserNotFound: nothing is known about an instance's user.
            FeaturesUnavailable: the feature store is away, or what it holds is too old for the model.
            Overloaded: the request waited too long for a thread.
            PredictionFailed: the model failed on valid instances.
        """
        started = time.perf_counter()
        try:
            requests, answers = await self._run(instances, started + MAX_WAIT_SECONDS)
        except NiveshError as error:
            self.count_error(error, len(instances))
            self._log_error(prediction_id, instances, started, error)
            raise
        except Exception as error:
            self.count_error(error, len(instances))
            self._log_error(prediction_id, instances, started, error)
            log.exception("%s failed", self.key)
            raise PredictionFailed(
                f"{self.key} failed on this request ({type(error).__name__}); see the log"
            ) from error
        seconds = time.perf_counter() - started
        metrics.LATENCY.labels(**self.labels).observe(seconds)
        self._log(prediction_id, requests, answers, 1000 * seconds)
        failed = self.failures(answers)
        metrics.PREDICTIONS.labels(**self.labels, status="success").inc(len(answers) - failed)
        metrics.PREDICTIONS.labels(**self.labels, status="error").inc(failed)
        return answers

    def failures(self, answers: list[dict]) -> int:
        """Number of answers that report an outage of a service behind the model; they are counted as errors."""
        return 0

    def _log(
        self, prediction_id: str, requests: list[Any], answers: Sequence[Any], latency_ms: float, **outcome: Any
    ) -> None:
        if self.recorder is not None:
            self.recorder.record(self.spec, self.version, prediction_id, requests, answers, latency_ms, **outcome)

    def _log_error(self, prediction_id: str, instances: list[Any], started: float, error: Exception) -> None:
        logged = instances[: self.max_instances]
        milliseconds = 1000 * (time.perf_counter() - started)
        outcome = {"status": int(status_of(error)), "error": type(error).__name__}
        self._log(prediction_id, logged, [None] * len(logged), milliseconds, **outcome)

    async def _run(self, instances: list[Any], deadline: float) -> tuple[list[dict], list[dict]]:
        """The validated requests with their features, and their answers."""
        if len(instances) > self.max_instances:
            raise RequestTooLarge(
                f"{len(instances)} instances in one request; send at most {self.max_instances} at a time"
            )

        def predict() -> tuple[list[dict], list[dict]]:
            if time.perf_counter() > deadline:
                raise Overloaded(f"{self.key}: too many requests wait; try again in a second")
            requests = self._complete(instances)
            return requests, self._answer(requests)

        # With the context of the request, such as ``request_guard.CLIENT``.
        return await asyncio.get_running_loop().run_in_executor(self.executor(), copy_context().run, predict)

    def count_error(self, error: Exception, instances: int = 1) -> None:
        """Count instances without an answer: as the client's error (status below 500) or the server's."""
        status = "client_error" if status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR else "error"
        metrics.ERRORS.labels(**self.labels, error_type=type(error).__name__).inc(instances)
        metrics.PREDICTIONS.labels(**self.labels, status=status).inc(instances)

    def _predict(self, instances: list[Any]) -> list[dict]:
        return self._answer(self._complete(instances))

    def _answer(self, requests: list[dict]) -> list[dict]:
        return self.model.predict(self.fitted, requests)

    def _complete(self, instances: list[Any]) -> list[dict]:
        """The instances validated, with the features of their users."""
        requests = [self._validate(instance, number) for number, instance in enumerate(instances, 1)]
        if self.spec.user_features:
            self._add_features([one for one in requests if not self.spec.consent or one[self.spec.consent]])
        return requests

    def _validate(self, instance: Any, number: int) -> dict:
        if not isinstance(instance, dict):
            raise DataError(f"instance {number} is no JSON object; give one like {self.spec.example}")
        try:
            return self.model.Request(**instance).model_dump()
        except (ValidationError, TypeError) as error:
            raise DataError(f"instance {number}: {explain(error)}") from None

    def _add_features(self, requests: list[dict]) -> None:
        """Complete requests with their users' features, which must not be too old."""
        now = time.time()
        for request, stored in zip(requests, self._stored_features(requests), strict=True):
            age = max(0.0, self._asked_at(request, now) - stored.event_time)
            metrics.FEATURE_AGE.labels(**self.labels).observe(age)
            if self.spec.max_feature_age is not None and age > self.spec.max_feature_age:
                raise FeaturesUnavailable(
                    f"the {self.spec.user_features} features of user {request['user_id']!r} are {age / DAY:.1f} days old "
                    f"and {self.key} takes at most {self.spec.max_feature_age / DAY:g}; nivesh features materialize"
                )
            request["features"] = stored.features

    def _asked_at(self, request: dict, now: float) -> float:
        """The time for which a request's features must be fresh enough, seconds since 1970 UTC."""
        return now

    def _stored_features(self, requests: list[dict]) -> list[Stored]:
        """The features of each request's user, read for all of them in one round trip."""
        users = {request["user_id"] for request in requests}
        found = online_store.read_existing(users, self.spec.user_features) if users else {}
        return [found[request["user_id"]] for request in requests]


@cache
def _executor() -> ThreadPoolExecutor:
    """The one pool of all predictors of this process."""
    return ThreadPoolExecutor(thread_count(), thread_name_prefix="predict")


def explain(error: Exception) -> str:
    """A validation error as one sentence that names the fields."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'request'}: {e['msg']}" for e in error.errors())
