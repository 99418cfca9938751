"""Google's part of the work, on this machine: Vertex AI's gRPC services and Cloud Storage's JSON API, from their
published descriptions, so that Google's own clients run in the tests. What an account would add stands in no test."""

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
