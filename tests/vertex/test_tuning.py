"""Google's tuning client against the fake on this machine."""

import grpc
import pytest
from google.cloud.aiplatform_v1 import JobState

from nivesh.errors import TuningFailed, VertexRefused, VertexUnavailable
from nivesh.models.gemini_advisor.training import conversations
from nivesh.vertex import tuning, uploads


@pytest.fixture
def tuning_request(vertex):
    from nivesh import data

    rows = data.read("advice")
    training, validation = conversations(rows.head(20)), conversations(rows.tail(5))
    return tuning.TuningRequest("gemini-2.5-flash", uploads.upload(training), uploads.upload(validation), 3, 4, 1.0)


def test_from_order_to_endpoint(vertex, tuning_request):
    steps = []
    job = tuning.wait(tuning.start(tuning_request).name, lambda *step: steps.append(step))
    assert job.tuned_model.endpoint == "projects/local/locations/us-central1/endpoints/1"
    assert job.tuning_data_stats.supervised_tuning_data_stats.total_billable_token_count > 0
    assert [text.split()[0] for _, text in steps] == ["running", "succeeded"]
    assert [fraction for fraction, _ in steps] == sorted(fraction for fraction, _ in steps)
    sent = job.supervised_tuning_spec.hyper_parameters
    assert (sent.epoch_count, sent.adapter_size.name) == (3, "ADAPTER_SIZE_FOUR")


def test_the_same_order_finds_its_job_running_and_done(vertex, tuning_request):
    first = tuning.start(tuning_request)
    assert tuning.start(tuning_request).name == first.name
    done = tuning.wait(first.name, lambda *_: None)
    assert tuning.start(tuning_request).name == done.name
    assert vertex.calls["CreateTuningJob"] == 1


def test_another_order_is_another_job(vertex, tuning_request):
    names = {tuning.start(tuning_request).name}
    for number in range(2, 6):  # more than the service lists on a page
        names.add(tuning.start(tuning.TuningRequest(**vars(tuning_request) | {"epochs": number + 2})).name)
    assert len(names) == 5
    assert tuning.find(tuning_request).name.endswith("/1")


def test_after_a_failure_the_same_order_starts_anew(vertex, tuning_request):
    vertex.states, vertex.job_error = [JobState.JOB_STATE_PENDING, JobState.JOB_STATE_FAILED], "Out of capacity."
    with pytest.raises(TuningFailed, match="tuningJobs/1 failed: Out of capacity."):
        tuning.wait(tuning.start(tuning_request).name, lambda *_: None)
    assert tuning.start(tuning_request).name.endswith("/2")


def test_a_cancelled_job_ends(vertex, tuning_request):
    job = tuning.start(tuning_request)
    tuning.cancel(job.name)
    with pytest.raises(TuningFailed, match="cancelled"):
        tuning.wait(job.name, lambda *_: None)


def test_a_failed_start_is_found_or_retried(vertex, tuning_request):
    vertex.failures["CreateTuningJob"] = [(grpc.StatusCode.UNAVAILABLE, "connection reset")]
    assert tuning.start(tuning_request).name.endswith("/1")
    assert vertex.calls["CreateTuningJob"] == 2


def test_the_same_request_at_the_same_time_shares_the_first_job(vertex, tuning_request, monkeypatch):
    first = tuning.start(tuning_request)
    looks = iter([None])
    real = tuning.find
    monkeypatch.setattr(tuning, "find", lambda wanted: next(looks, real(wanted)))
    assert tuning.start(tuning_request).name == first.name
    assert vertex.jobs[first.name.replace("/1", "/2")].state == JobState.JOB_STATE_CANCELLED


def test_an_outage_while_waiting_is_retried(vertex, tuning_request):
    job = tuning.start(tuning_request)
    vertex.failures["GetTuningJob"] = [(grpc.StatusCode.UNAVAILABLE, "away")] * 3
    assert tuning.wait(job.name, lambda *_: None).state == JobState.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, VertexUnavailable, "a quota of the project is used up"),
        (grpc.StatusCode.PERMISSION_DENIED, VertexRefused, "Vertex AI User"),
        (grpc.StatusCode.UNAUTHENTICATED, VertexRefused, "gcloud auth application-default login"),
        (grpc.StatusCode.INVALID_ARGUMENT, VertexRefused, "injected"),
    ],
)
def test_the_message_of_a_refused_start(vertex, tuning_request, code, kind, message):
    vertex.failures["CreateTuningJob"] = [(code, "injected")]
    with pytest.raises(kind, match=message):
        tuning.start(tuning_request)
    assert not vertex.jobs


def test_a_model_that_does_not_exist(vertex, tuning_request):
    with pytest.raises(VertexRefused, match="gemini-9 is not supported"):
        tuning.start(tuning.TuningRequest(**vars(tuning_request) | {"base_model": "gemini-9"}))
