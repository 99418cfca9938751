"""Calls of S3 that several stores share.

Endpoint and credentials are found by boto3 as everywhere: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, a profile, or the role of a pod.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from nivesh.errors import SettingsError, StorageUnavailable

MAX_CONFLICTS = 5  # tries of a conditional write that S3 answers with 409; AWS asks to try it again


def split(address: str) -> tuple[str, str]:
    """Bucket and prefix of an address such as ``s3://models/team``.

    Raises:
        SettingsError: it is none.
    """
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingsError(
            f"{address!r}: give a bucket in NIVESH_BUNDLE_STORE, NIVESH_PREDICTION_STORE, NIVESH_MONITORING_STORE or "
            "data_path, such as s3://models"
        )
    return parts.netloc, parts.path.strip("/")


@contextlib.contextmanager
def translate_errors(address: str) -> Iterator[None]:
    """Raise StorageUnavailable for whatever goes wrong in a call of S3."""
    try:
        yield
    except (BotoCoreError, ClientError, boto3.exceptions.Boto3Error) as error:
        raise StorageUnavailable(
            f"{address}: {error}; check AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error


def read(client: Any, bucket: str, name: str) -> bytes | None:
    """An object's content, or None where there is none."""
    try:
        return client.get_object(Bucket=bucket, Key=name)["Body"].read()
    except client.exceptions.NoSuchKey:
        return None


def create(client: Any, bucket: str, name: str, content: bytes) -> bool:
    """Write an object where there is none; returns whether this call has written it.

    Of several callers at once one gets True. boto3 repeats a request whose answer was lost: the repetition is refused by what
    the first has written, which is then recognised by its content. So two callers should not write the same content, if
    it matters which of them it was.
    """
    for attempt in range(MAX_CONFLICTS):
        try:
            client.put_object(Bucket=bucket, Key=name, Body=content, IfNoneMatch="*")
            return True
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalRequestConflict" and attempt + 1 < MAX_CONFLICTS:
                continue
            if code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            repeated = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0 or attempt > 0
            return repeated and read(client, bucket, name) == content
    raise AssertionError("unreachable")
