"""Supervised tuning jobs on Vertex AI: start, follow, cancel.

A job has the digest of its request as a label. The same request, from any machine, finds the running job or the model
that it made, and starts no second one.
"""

import hashlib
import json
import operator
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.aiplatform_v1 import JobState, SupervisedHyperParameters, SupervisedTuningSpec, TuningJob

from nivesh.errors import TuningFailed
from nivesh.vertex.connection import location, translate_errors, tuning_client

LABEL = "nivesh-tuning-request"
ADAPTERS = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
ACTIVE_STATES = {
    JobState.JOB_STATE_QUEUED,
    JobState.JOB_STATE_PENDING,
    JobState.JOB_STATE_RUNNING,
    JobState.JOB_STATE_PAUSED,
}
RETRYABLE = (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.InternalServerError)
# Reads are safe to repeat, and an outage of minutes must not end the wait for a job of an hour.
READ_RETRY = Retry(if_exception_type(*RETRYABLE, exceptions.TooManyRequests), initial=0.2, maximum=15, timeout=300)
ATTEMPTS = 4
CALL_SECONDS = 30.0  # timeout of one call
MIN_POLL_SECONDS, MAX_POLL_SECONDS = 0.2, 30.0  # between two polls of a job, growing
EXPECTED_SECONDS = 2400.0  # of tuning on a few hundred examples; a guess, for the progress bar only


@dataclass(frozen=True)
class TuningRequest:
    """Everything that a tuned model depends on."""

    base_model: str
    training_data: str
    validation_data: str
    epochs: int
    adapter_size: int
    learning_rate_multiplier: float

    @property
    def digest(self) -> str:
        """The value of ``LABEL`` of this request's job: 40 of the 63 characters that a label may have."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:40]


def find(request: TuningRequest) -> TuningJob | None:
    """The job of this request that is active or succeeded; the oldest where there are several.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI refuses, or does not answer.
    """
    with translate_errors("list tuning jobs"):
        jobs = list(tuning_client().list_tuning_jobs(parent=location(), retry=READ_RETRY, timeout=CALL_SECONDS))
    jobs = sorted(
        (job for job in jobs if job.labels.get(LABEL) == request.digest), key=operator.attrgetter("create_time")
    )
    done = [job for job in jobs if job.state == JobState.JOB_STATE_SUCCEEDED]
    return next(iter(done + [job for job in jobs if job.state in ACTIVE_STATES]), None)


def start(request: TuningRequest) -> TuningJob:
    """The job of this request: the existing one, or a new one.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI refuses, or does not answer.
    """
    for attempt in range(1, ATTEMPTS + 1):
        if found := find(request):  # also one that an attempt with an error has started
            return found
        try:
            with translate_errors("start the tuning job"):
                created = tuning_client().create_tuning_job(
                    parent=location(), tuning_job=_request(request), timeout=CALL_SECONDS
                )
        except Exception as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, RETRYABLE):
                raise
            time.sleep(0.5 * 2**attempt)
            continue
        first = find(request) or created
        if first.name != created.name:  # somebody started the same at the same time
            cancel(created.name)
        return first
    raise AssertionError("the last attempt returns or raises")


def wait(name: str, progress: Callable[[float, str], None]) -> TuningJob:
    """Follow a job to its end; returns it with its endpoint.

    Args:
        name: the job's resource name.
        progress: called with the finished fraction, estimated from the time, and the state.

    Raises:
        TuningFailed: it ended without a model.
        VertexRefused, VertexUnavailable: Vertex AI refuses, or does not answer for minutes; the job is not cancelled.
    """
    started, pause = time.monotonic(), MIN_POLL_SECONDS
    while True:
        with translate_errors(f"get the tuning job {name}"):
            job = tuning_client().get_tuning_job(name=name, retry=READ_RETRY, timeout=CALL_SECONDS)
        state = job.state.name.removeprefix("JOB_STATE_").lower()
        if job.state == JobState.JOB_STATE_SUCCEEDED:
            if not job.tuned_model.endpoint:
                raise TuningFailed(f"{name} succeeded but has no endpoint; deploy its model on Vertex AI's page")
            progress(1.0, f"{state} {job.tuned_model.endpoint}")
            return job
        if job.state not in ACTIVE_STATES | {
            JobState.JOB_STATE_UNSPECIFIED,
            JobState.JOB_STATE_CANCELLING,
            JobState.JOB_STATE_UPDATING,
        }:
            raise TuningFailed(f"{name} {state}: {job.error.message or 'Vertex AI gives no reason'}")
        seconds = time.monotonic() - started
        progress(0.95 * seconds / (seconds + EXPECTED_SECONDS), f"{state} {name}")
        time.sleep(pause)
        pause = min(pause * 1.5, MAX_POLL_SECONDS)


def cancel(name: str) -> None:
    """Cancel a job; what it used until then is billed.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI refuses, or does not answer.
    """
    with translate_errors(f"cancel the tuning job {name}"):
        tuning_client().cancel_tuning_job(name=name, retry=READ_RETRY, timeout=CALL_SECONDS)


def _request(request: TuningRequest) -> TuningJob:
    return TuningJob(
        base_model=request.base_model,
        tuned_model_display_name=f"nivesh-advisor-{request.digest[:12]}",
        labels={LABEL: request.digest},
        supervised_tuning_spec=SupervisedTuningSpec(
            training_dataset_uri=request.training_data,
            validation_dataset_uri=request.validation_data,
            hyper_parameters=SupervisedHyperParameters(
                epoch_count=request.epochs,
                learning_rate_multiplier=request.learning_rate_multiplier,
                adapter_size=f"ADAPTER_SIZE_{ADAPTERS[request.adapter_size]}",
            ),
            export_last_checkpoint_only=True,
        ),
    )
