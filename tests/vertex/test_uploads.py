"""Google's storage client against the fake on this machine."""

import pytest

from nivesh.errors import SettingsError, VertexRefused, VertexUnavailable
from nivesh.vertex import uploads
from tests.vertex.storage import CUT

LINES = b'{"contents": []}\n'


def test_a_file_is_named_by_its_content(vertex):
    place = uploads.upload(LINES)
    assert place == uploads.address(LINES)
    assert place.startswith("gs://tuning/nivesh/tuning/")
    assert vertex.storage.read(place) == LINES


def test_the_same_file_again_changes_nothing(vertex):
    assert uploads.upload(LINES) == uploads.upload(LINES)
    assert len(vertex.storage.objects["tuning"]) == 1


def test_large_files_go_in_parts(vertex):
    content = b"x" * (9 << 20)
    assert vertex.storage.read(uploads.upload(content)) == content
    assert "POST resumable" in vertex.storage.requests


@pytest.mark.parametrize("failure", [503, 429, CUT])
def test_short_outages_are_retried(vertex, failure):
    vertex.storage.failures = [failure]
    assert vertex.storage.read(uploads.upload(LINES)) == LINES


def test_refusals_are_translated(vertex, monkeypatch):
    vertex.storage.failures = [403]
    with pytest.raises(VertexRefused, match="Storage Object User"):
        uploads.upload(LINES)
    monkeypatch.setenv("NIVESH_GOOGLE_BUCKET", "gs://missing")
    with pytest.raises(VertexRefused, match="check the project, region, bucket"):
        uploads.upload(LINES)
    assert vertex.storage.objects == {"tuning": {}}


def test_an_outage_ends_at_the_deadline(vertex, monkeypatch):
    monkeypatch.setattr(uploads, "RETRY_SECONDS", 2.0)
    vertex.storage.failures = [503] * 100
    with pytest.raises(VertexUnavailable, match="try again later"):
        uploads.upload(LINES)


@pytest.mark.parametrize("name", ["", "gs://", "gs://a/b"])
def test_a_bucket_is_named(vertex, monkeypatch, name):
    monkeypatch.setenv("NIVESH_GOOGLE_BUCKET", name)
    with pytest.raises(SettingsError, match="name a bucket"):
        uploads.upload(LINES)
