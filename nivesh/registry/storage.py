"""Bundles in S3, where a cluster's pods read them: ``s3://models/<key>/<version>/``."""

import re
import shutil
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from nivesh.errors import BundleError, DataError, StorageUnavailable
from nivesh.registry import bundle, s3
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
    bucket, prefix = s3.split(target)
    wanted = (folder / bundle.MANIFEST).read_bytes()
    name_of_manifest = f"{prefix}/{bundle.MANIFEST}"
    with s3.translate_errors(target):
        client = boto3.client("s3")
        found = s3.read(client, bucket, name_of_manifest)
        if found is None:
            for name in manifest.files:
                client.upload_file(str(folder / name), bucket, f"{prefix}/{name}")
            written = s3.create(client, bucket, name_of_manifest, wanted)
            found = wanted if written else s3.read(client, bucket, name_of_manifest)
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
    bucket, prefix = s3.split(target)
    with s3.translate_errors(target):
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
    bucket, prefix = s3.split(address)
    with s3.translate_errors(address):
        client = boto3.client("s3")
        content = s3.read(client, bucket, f"{prefix}/{bundle.MANIFEST}")
        if content is None:
            raise BundleError(f"{address}: there is no bundle; publish it: nivesh publish KEY --version VERSION")
        manifest = bundle.parse_manifest(content, address)
        if prefix.split("/")[-2:] != [manifest.key, manifest.version]:
            raise BundleError(f"{address}: it holds {manifest.key} {manifest.version}; do not use this bundle")
        for name in (*manifest.files, bundle.MANIFEST):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, f"{prefix}/{name}", str(folder / name))
    return bundle.verify(folder)


def download(address: str, folder: Path) -> Path:
    """Download one object, such as ``s3://data/loans.csv``, into a folder; returns the file.

    Raises:
        DataError: there is no such object.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    bucket, name = s3.split(address)
    file = folder / Path(name).name
    try:
        with s3.translate_errors(address):
            boto3.client("s3").download_file(bucket, name, str(file))
    except StorageUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in ("404", "NoSuchBucket", "NoSuchKey"):
            raise DataError(f"{address}: there is no such object") from None
        raise
    return file


def copy_data(data_path: str, folder: Path) -> Path:
    """Copy a file of the user's, local or ``s3://BUCKET/NAME``, into a folder; returns the copy.

    Raises:
        DataError: there is no such file.
        StorageUnavailable: S3 cannot be reached or refuses.
    """
    if data_path.startswith("s3://"):
        return download(data_path, folder)
    if not Path(data_path).is_file():
        raise DataError(f"{data_path}: there is no such file")
    return Path(shutil.copy(data_path, folder))
