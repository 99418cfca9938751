"""Files in Cloud Storage, named by the hash of their content: never uploaded twice, never changed."""

import hashlib

import requests
from google.api_core.exceptions import PreconditionFailed, RetryError
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
    target = address(content)
    with translate_errors(f"upload to {target}"):
        client = storage.Client(settings().google_project, None if storage_emulator() else credentials())
        try:
            client.bucket(bucket()).blob(_name(content)).upload_from_string(
                content,
                "application/jsonl",
                if_generation_match=0,  # only where there is none; this also makes a retry safe
                checksum="crc32c",
                timeout=RETRY_SECONDS,
                retry=DEFAULT_RETRY.with_timeout(RETRY_SECONDS),
            )
        except PreconditionFailed:
            pass  # the same content is there already
        except (requests.RequestException, RetryError) as error:
            raise ConnectionError(error) from error
    return target


def _name(content: bytes) -> str:
    return f"nivesh/tuning/{hashlib.sha256(content).hexdigest()}.jsonl"
