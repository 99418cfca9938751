"""Bundles in S3, where a cluster's pods read them: ``s3://models/<key>/<version>/``.

Endpoint and credentials are found by boto3 as everywhere: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, a profile, or the role of a pod.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from nivesh import bundle
from nivesh.errors import BundleError, SettingsError, StorageUnavailable
from nivesh.settings import settings


def address(key: str, version: str) -> str:
    """Where a version's bundle lies, as an InferenceService names it in ``storageUri``."""
    return f"{settings().bundle_store.rstrip('/')}/{key}/{version}"


def publish(folder: Path) -> str:
    """Upload a bundle; returns its address. Publishing the same bundle again does nothing.

    The manifest is written last and never over another one: without it a bundle is not served, so a broken upload
    can be repeated, and of two publishers at once only one wins.

    Raises:
        BundleError: the bundle is incomplete, or this version is there already with other content.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    manifest = bundle.verify(folder)
    place = address(manifest.key, manifest.version)
    bucket, prefix = _split(place)
    wanted = json.loads((folder / bundle.MANIFEST).read_text(encoding="utf-8"))
    try:
        s3 = boto3.client("s3")
        found = _manifest(s3, bucket, prefix)
        if found is None:
            for name in manifest.files:
                s3.upload_file(str(folder / name), bucket, f"{prefix}/{name}")
            found = _write_manifest(s3, bucket, prefix, folder / bundle.MANIFEST, wanted)
    except (BotoCoreError, ClientError, boto3.exceptions.Boto3Error) as error:
        raise StorageUnavailable(
            f"{place}: {error}; check AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    if found != wanted:
        raise BundleError(
            f"{place}: this version exists with other content; a bundle never changes, so publish another"
        )
    return place


def _manifest(s3: Any, bucket: str, prefix: str) -> Any:
    """The manifest that is there, or None."""
    try:
        return json.load(s3.get_object(Bucket=bucket, Key=f"{prefix}/{bundle.MANIFEST}")["Body"])
    except s3.exceptions.NoSuchKey:
        return None


def _write_manifest(s3: Any, bucket: str, prefix: str, path: Path, wanted: Any) -> Any:
    """Write the manifest where there is none; returns the one that is there then."""
    try:
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{bundle.MANIFEST}", Body=path.read_bytes(), IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return _manifest(s3, bucket, prefix)
    return wanted


def _split(place: str) -> tuple[str, str]:
    """Bucket and prefix of an address."""
    parts = urlsplit(place)
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingsError(f"NIVESH_BUNDLE_STORE={settings().bundle_store!r}: give a bucket, such as s3://models")
    return parts.netloc, parts.path.strip("/")
