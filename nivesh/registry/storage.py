"""Bundles in S3, where a cluster's pods read them: ``s3://models/<key>/<version>/``.

Endpoint and credentials are found by boto3 as everywhere: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, a profile, or the role of a pod.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from nivesh.errors import BundleError, DataError, SettingsError, StorageUnavailable
from nivesh.registry import bundle
from nivesh.settings import settings


def address(key: str, version: str) -> str:
    """The address of a version's bundle, the ``storageUri`` of an InferenceService."""
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
    target = address(manifest.key, manifest.version)
    bucket, prefix = _split(target)
    wanted = (folder / bundle.MANIFEST).read_bytes()
    with _translate_errors(target):
        s3 = boto3.client("s3")
        found = _manifest(s3, bucket, prefix)
        if found is None:
            for name in manifest.files:
                s3.upload_file(str(folder / name), bucket, f"{prefix}/{name}")
            found = _write_manifest(s3, bucket, prefix, wanted)
    if found is None or bundle.parse_manifest(found, target) != manifest:
        raise BundleError(
            f"{target}: this version exists with other content; a bundle never changes, so publish another"
        )
    return target


def published(key: str) -> list[str]:
    """The versions of a model that the store holds, also in part, from whichever registry.

    Raises:
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    target = address(key, "")
    bucket, prefix = _split(target)
    with _translate_errors(target):
        pages = boto3.client("s3").get_paginator("list_objects_v2")
        folders = pages.paginate(Bucket=bucket, Prefix=f"{prefix}/", Delimiter="/").search("CommonPrefixes[].Prefix")
        names = [folder.rstrip("/").rpartition("/")[2] for folder in folders if folder]
    return [name for name in names if re.fullmatch(r"\d+\.\d+\.\d+", name)]


def fetch(address: str, folder: Path) -> bundle.Manifest:
    """Download a published bundle into an empty folder and verify it.

    Raises:
        BundleError: there is no bundle, or a file of it is missing or was changed.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    bucket, prefix = _split(address)
    with _translate_errors(address):
        s3 = boto3.client("s3")
        content = _manifest(s3, bucket, prefix)
        if content is None:
            raise BundleError(f"{address}: there is no bundle; publish it: nivesh publish KEY --version VERSION")
        manifest = bundle.parse_manifest(content, address)
        if prefix.split("/")[-2:] != [manifest.key, manifest.version]:
            raise BundleError(f"{address}: it holds {manifest.key} {manifest.version}; do not use this bundle")
        for name in (*manifest.files, bundle.MANIFEST):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, f"{prefix}/{name}", str(folder / name))
    return bundle.verify(folder)


def download(address: str, folder: Path) -> Path:
    """Download one object, such as ``s3://data/loans.csv``, into a folder; returns the file.

    Raises:
        DataError: there is no such object.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    bucket, name = _split(address)
    file = folder / Path(name).name
    try:
        with _translate_errors(address):
            boto3.client("s3").download_file(bucket, name, str(file))
    except StorageUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in ("404", "NoSuchBucket", "NoSuchKey"):
            raise DataError(f"{address}: there is no such object") from None
        raise
    return file


@contextlib.contextmanager
def _translate_errors(address: str) -> Iterator[None]:
    """Raise StorageUnavailable for whatever goes wrong in a call of S3."""
    try:
        yield
    except (BotoCoreError, ClientError, boto3.exceptions.Boto3Error) as error:
        raise StorageUnavailable(
            f"{address}: {error}; check AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error


def _manifest(s3: Any, bucket: str, prefix: str) -> bytes | None:
    """The stored manifest, or None."""
    try:
        return s3.get_object(Bucket=bucket, Key=f"{prefix}/{bundle.MANIFEST}")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def _write_manifest(s3: Any, bucket: str, prefix: str, manifest: bytes) -> bytes | None:
    """Write the manifest where there is none; returns the stored one."""
    try:
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{bundle.MANIFEST}", Body=manifest, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return _manifest(s3, bucket, prefix)
    return manifest


def _split(address: str) -> tuple[str, str]:
    """Bucket and prefix of an address."""
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingsError(f"{address!r}: give a bucket in NIVESH_BUNDLE_STORE or data_path, such as s3://models")
    return parts.netloc, parts.path.strip("/")
