"""Files in Cloud Storage: tuning data named by the hash of their content, and replies that were paid already."""

import hashlib

import requests
from google.api_core.exceptions import NotFound, PreconditionFailed, RetryError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from nivesh.errors import SettingsError
from nivesh.settings import settings
from nivesh.vertex.connection import credentials, storage_emulator, translate_errors

RETRY_SECONDS = 60.0  # for all attempts together


def bucket() -> str:
    """The name of the bucket of the settings.

    Raises:
        SettingsError: none is set.
    """
    name = settings().google_bucket.removeprefix("gs://").strip("/")
    if not name or "/" in name:
        raise SettingsError(f"NIVESH_GOOGLE_BUCKET={settings().google_bucket!r}: name a bucket, such as gs://my-tuning")
    return name


def address(content: bytes) -> str:
    """The ``gs://`` address of JSON lines, uploaded or not.

    Raises:
        SettingsError: no bucket is set.
    """
    return f"gs://{bucket()}/{_name(content)}"


def upload(content: bytes) -> str:
    """Store JSON lines; returns their ``gs://`` address.

    Raises:
        SettingsError: no bucket is set.
        VertexRefused, VertexUnavailable: Cloud Storage refuses, or does not answer; nothing was half written.
    """
    write(_name(content), content, "application/jsonl")
    return address(content)


def read(name: str) -> bytes | None:
    """The content of a file in the bucket, or None where there is none of that name.

    Raises:
        SettingsError: no bucket is set.
        VertexRefused, VertexUnavailable: Cloud Storage refuses, or does not answer.
    """
    with translate_errors(f"read gs://{bucket()}/{name}"):
        try:
            return _blob(name).download_as_bytes(timeout=RETRY_SECONDS, retry=DEFAULT_RETRY.with_timeout(RETRY_SECONDS))
        except NotFound:
            return None
        except (requests.RequestException, RetryError) as error:
            raise ConnectionError(error) from error


def write(name: str, content: bytes, content_type: str) -> None:
    """Store a file in the bucket, where there is none of that name yet.

    Raises:
        SettingsError: no bucket is set.
        VertexRefused, VertexUnavailable: Cloud Storage refuses, or does not answer; nothing was half written.
    """
    with translate_errors(f"upload to gs://{bucket()}/{name}"):
        try:
            _blob(name).upload_from_string(
                content,
                content_type,
                if_generation_match=0,  # only where there is none; this also makes a retry safe
                checksum="crc32c",
                timeout=RETRY_SECONDS,
                retry=DEFAULT_RETRY.with_timeout(RETRY_SECONDS),
            )
        except PreconditionFailed:
            pass  # it is there already
        except (requests.RequestException, RetryError) as error:
            raise ConnectionError(error) from error


def _blob(name: str) -> storage.Blob:
    client = storage.Client(settings().google_project, None if storage_emulator() else credentials())
    return client.bucket(bucket()).blob(name)


def _name(content: bytes) -> str:
    return f"nivesh/tuning/{hashlib.sha256(content).hexdigest()}.jsonl"
