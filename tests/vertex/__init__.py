"""Fakes of Vertex AI's gRPC services and Cloud Storage's JSON API on this machine, from their published descriptions, so
that the tests run Google's own clients. No test covers what only a real account would show."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def google_here(port: int = 0) -> Iterator[tuple]:
    """Both services, and the settings under which the platform and Google's clients find them."""
    from tests.vertex.server import Vertex
    from tests.vertex.storage import Storage

    storage = Storage("tuning")
    service = Vertex(storage, port)
    try:
        yield (
            service,
            {
                "NIVESH_GOOGLE_PROJECT": "local",
                "NIVESH_GOOGLE_BUCKET": "gs://tuning",
                "NIVESH_GOOGLE_ENDPOINT": service.url,
                "STORAGE_EMULATOR_HOST": storage.url,
            },
        )
    finally:
        service.stop()
        storage.stop()
