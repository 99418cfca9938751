"""Tuning data in Cloud Storage, under a name that their content gives: what is there is never sent again or changed."""

import hashlib

import requests
from google.api_core.exceptions import PreconditionFailed, RetryError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from nivesh.errors import SettingsError
from nivesh.settings import settings
from nivesh.vertex.connection import credentials, explained, storage_emulator

PATIENCE = 60.0  # seconds of retries


def bucket() -> str:
    """The bucket's name of the settings.

    Raises:
        SettingsError: none is set.
    """
    name = settings().google_bucket.removeprefix("gs://").strip("/")
    if not name or "/" in name:
        raise SettingsError(f"NIVESH_GOOGLE_BUCKET={settings().google_bucket!r}: name a bucket, such as gs://my-tuning")
    return name


def address(content: bytes) -> str:
    """The ``gs://`` address that JSON lines have, uploaded or not.

    Raises:
        SettingsError: no bucket is set.
    """
    return f"gs://{bucket()}/{_name(content)}"


def upload(content: bytes) -> str:
    """Store JSON lines; returns their ``gs://`` address.

    Raises:
        SettingsError: no bucket is set.
        VertexRefused, VertexUnavailable: Cloud Storage says no, or is away; nothing was half written.
    """
    place = address(content)
    with explained(f"upload to {place}"):
        client = storage.Client(settings().google_project, None if storage_emulator() else credentials())
        try:
            client.bucket(bucket()).blob(_name(content)).upload_from_string(
                content,
                "application/jsonl",
                if_generation_match=0,  # only where there is none; this is also what makes a retry safe
                checksum="crc32c",
                timeout=PATIENCE,
                retry=DEFAULT_RETRY.with_timeout(PATIENCE),
            )
        except PreconditionFailed:
            pass  # the same content lies there
        except (requests.RequestException, RetryError) as error:
            raise ConnectionError(error) from error
    return place


def _name(content: bytes) -> str:
    return f"nivesh/tuning/{hashlib.sha256(content).hexdigest()}.jsonl"
