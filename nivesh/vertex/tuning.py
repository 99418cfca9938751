"""Supervised tuning jobs on Vertex AI: started once however often it is asked for, followed, cancelled.

A job carries a digest of all that it was ordered with as a label. Whoever orders the same again finds the job that
runs, or the model that it made, from any machine.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.aiplatform_v1 import JobState, SupervisedHyperParameters, SupervisedTuningSpec, TuningJob

from nivesh.errors import TuningFailed
from nivesh.vertex.connection import explained, location, tuning_client

LABEL = "nivesh-order"
ADAPTERS = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
ALIVE = {JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_PENDING, JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_PAUSED}
PASSING = (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.InternalServerError)
# Reading can be repeated at will, and an hour-long job should not be lost sight of for a minute's outage.
PATIENT = Retry(if_exception_type(*PASSING, exceptions.TooManyRequests), initial=0.2, maximum=15, timeout=300)
ATTEMPTS = 4
CALL = 30.0  # seconds for one call
FIRST_LOOK, SELDOM = 0.2, 30.0  # seconds between two looks at a job, growing from one to the other
USUAL = 2400.0  # seconds in which tuning on a few hundred examples is mostly done; for the progress bar only


@dataclass(frozen=True)
class Order:
    """All that decides what a tuning job makes."""

    base_model: str
    training_data: str
    validation_data: str
    epochs: int
    adapter_size: int
    learning_rate_multiplier: float

    @property
    def digest(self) -> str:
        """The label by which a job of this order is found; 63 characters are allowed in a label."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:40]


def find(order: Order) -> TuningJob | None:
    """The job of this order that is on its way, or has made its model; the oldest where there are several.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI says no, or is away.
    """
    with explained("list tuning jobs"):
        jobs = list(tuning_client().list_tuning_jobs(parent=location(), retry=PATIENT, timeout=CALL))
    mine = sorted((job for job in jobs if job.labels.get(LABEL) == order.digest), key=lambda job: job.create_time)
    done = [job for job in mine if job.state == JobState.JOB_STATE_SUCCEEDED]
    return next(iter(done + [job for job in mine if job.state in ALIVE]), None)


def start(order: Order) -> TuningJob:
    """The job of this order: the one that is there, or a new one.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI says no, or is away.
    """
    for attempt in range(1, ATTEMPTS + 1):
        if found := find(order):  # also what a call that seemed to fail has started
            return found
        try:
            with explained("start the tuning job"):
                created = tuning_client().create_tuning_job(parent=location(), tuning_job=_request(order), timeout=CALL)
        except Exception as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, PASSING):
                raise
            time.sleep(0.5 * 2**attempt)
            continue
        first = find(order) or created
        if first.name != created.name:  # somebody ordered the same in this moment
            cancel(created.name)
        return first
    raise AssertionError("the last attempt returns or raises")


def wait(name: str, progress: Callable[[float, str], None]) -> TuningJob:
    """Follow a job to its end; returns it with its endpoint.

    Args:
        name: the job's resource name.
        progress: is told the finished fraction, guessed by the time it usually takes, and the state.

    Raises:
        TuningFailed: it ended without a model.
        VertexRefused, VertexUnavailable: Vertex AI says no, or is away for minutes; the job itself goes on.
    """
    started, pause = time.monotonic(), FIRST_LOOK
    while True:
        with explained(f"look at the tuning job {name}"):
            job = tuning_client().get_tuning_job(name=name, retry=PATIENT, timeout=CALL)
        state = job.state.name.removeprefix("JOB_STATE_").lower()
        if job.state == JobState.JOB_STATE_SUCCEEDED:
            if not job.tuned_model.endpoint:
                raise TuningFailed(f"{name} succeeded but has no endpoint; deploy its model on Vertex AI's page")
            progress(1.0, f"{state} {job.tuned_model.endpoint}")
            return job
        if job.state not in ALIVE | {
            JobState.JOB_STATE_UNSPECIFIED,
            JobState.JOB_STATE_CANCELLING,
            JobState.JOB_STATE_UPDATING,
        }:
            raise TuningFailed(f"{name} {state}: {job.error.message or 'Vertex AI gives no reason'}")
        seconds = time.monotonic() - started
        progress(0.95 * seconds / (seconds + USUAL), f"{state} {name}")
        time.sleep(pause)
        pause = min(pause * 1.5, SELDOM)


def cancel(name: str) -> None:
    """Ask Vertex AI to cancel a job; what ran until then is paid.

    Raises:
        VertexRefused, VertexUnavailable: Vertex AI says no, or is away.
    """
    with explained(f"cancel the tuning job {name}"):
        tuning_client().cancel_tuning_job(name=name, retry=PATIENT, timeout=CALL)


def _request(order: Order) -> TuningJob:
    return TuningJob(
        base_model=order.base_model,
        tuned_model_display_name=f"nivesh-advisor-{order.digest[:12]}",
        labels={LABEL: order.digest},
        supervised_tuning_spec=SupervisedTuningSpec(
            training_dataset_uri=order.training_data,
            validation_dataset_uri=order.validation_data,
            hyper_parameters=SupervisedHyperParameters(
                epoch_count=order.epochs,
                learning_rate_multiplier=order.learning_rate_multiplier,
                adapter_size=f"ADAPTER_SIZE_{ADAPTERS[order.adapter_size]}",
            ),
            export_last_checkpoint_only=True,
        ),
    )
