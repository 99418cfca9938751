"""A flat store of small objects by name: a folder of this machine, or a bucket of S3.

A name is a relative path with ``/``. Every write is atomic: a reader sees the old content or the new one, and what a killed
process leaves is never read. ``create`` is the one conditional write; ledgers and leases are built on it.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from nivesh.errors import DataError, StorageUnavailable
from nivesh.settings import settings


class ObjectStore(Protocol):
    """What both stores do. Every method may raise StorageUnavailable."""

    def read(self, name: str) -> bytes:
        """An object's content.

        Raises:
            FileNotFoundError: there is no such object.
        """

    def write(self, name: str, data: bytes) -> None:
        """Write an object; one that exists is replaced."""

    def create(self, name: str, data: bytes) -> bool:
        """Write an object where there is none; False, and nothing is written, where one exists.

        Of any number of callers at once exactly one gets True.
        """

    def names(self, prefix: str = "") -> list[str]:
        """The names that begin with a prefix, sorted."""

    def folders(self, prefix: str = "") -> list[str]:
        """The next parts of the names that begin with a prefix, each up to and with its ``/``, sorted: what is in a folder
        is not listed.
        """

    def delete(self, name: str) -> None:
        """Remove an object; one that does not exist is no error."""

    def address(self, name: str) -> str:
        """Where an object is for others: a path of this machine, or s3://bucket/name."""


class FolderStore:
    """Objects as files below a folder, which need not exist. Files whose name begins with a dot are no objects."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with _translate_errors(path):
            return path.read_bytes()

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        with _translate_errors(path), _staged(path, data) as staged:
            os.replace(staged, path)

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        if path.exists():  # most callers of a ledger come second: no file need be written to see it
            return False
        with _translate_errors(path), _staged(path, data) as staged:
            try:
                os.link(staged, path)  # unlike a rename, it fails where the target exists
            except FileExistsError:
                return False
            return True

    def names(self, prefix: str = "") -> list[str]:
        top = self.folder / prefix.rpartition("/")[0]
        found = []
        with _translate_errors(top):
            for folder, subfolders, files in os.walk(top):
                subfolders[:] = [one for one in subfolders if not one.startswith(".")]
                found += [Path(folder, one) for one in files if not one.startswith(".")]
        names = [path.relative_to(self.folder).as_posix() for path in found]
        return sorted(name for name in names if name.startswith(prefix))

    def folders(self, prefix: str = "") -> list[str]:
        inside, _, begin = prefix.rpartition("/")
        top = self.folder / inside
        with _translate_errors(top):
            found = [one for one in top.iterdir() if one.is_dir()] if top.is_dir() else []
        names = [one.name for one in found if one.name.startswith(begin) and not one.name.startswith(".")]
        return sorted(f"{inside}/{name}/" if inside else f"{name}/" for name in names)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _translate_errors(path):
            path.unlink(missing_ok=True)

    def address(self, name: str) -> str:
        return str(self._path(name).resolve())

    def _path(self, name: str) -> Path:
        return self.folder / _checked(name)


class S3Store:
    """Objects below ``s3://bucket/prefix``; endpoint and credentials as boto3 finds them."""

    def __init__(self, address: str):
        import boto3  # half a second, which a folder need not wait for

        from nivesh.registry import s3

        self.s3, self.url, (self.bucket, self.prefix) = s3, address, s3.split(address)
        with s3.translate_errors(address):
            self.client = boto3.client("s3")

    def read(self, name: str) -> bytes:
        with self.s3.translate_errors(self.url):
            found = self.s3.read(self.client, self.bucket, self._key(name))
        if found is None:
            raise FileNotFoundError(f"{self.url}: there is no object {name}")
        return found

    def write(self, name: str, data: bytes) -> None:
        with self.s3.translate_errors(self.url):
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=data)

    def create(self, name: str, data: bytes) -> bool:
        with self.s3.translate_errors(self.url):
            return self.s3.create(self.client, self.bucket, self._key(name), data)

    def names(self, prefix: str = "") -> list[str]:
        folder = f"{self.prefix}/" if self.prefix else ""
        with self.s3.translate_errors(self.url):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=folder + prefix)
            return sorted(item["Key"][len(folder) :] for page in pages for item in page.get("Contents", []))

    def folders(self, prefix: str = "") -> list[str]:
        folder = f"{self.prefix}/" if self.prefix else ""
        with self.s3.translate_errors(self.url):
            pages = self.client.get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self.bucket, Prefix=folder + prefix, Delimiter="/")
            return sorted(one[len(folder) :] for one in found.search("CommonPrefixes[].Prefix") if one)

    def delete(self, name: str) -> None:
        with self.s3.translate_errors(self.url):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def address(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{_checked(name)}".lstrip("/")


def open_store(url: str, folder: Path) -> ObjectStore:
    """The store of a setting: S3 where ``url`` is s3://bucket/prefix, ``folder`` where it is empty.

    Raises:
        SettingsError: it is neither.
    """
    return S3Store(url) if url else FolderStore(folder)


def monitoring_store() -> ObjectStore:
    """The store of labels, reports and the ledger of retraining: NIVESH_MONITORING_STORE, or a folder under NIVESH_HOME."""
    return open_store(settings().monitoring_store, settings().home / "monitoring")


def _checked(name: str) -> str:
    """A name that stays below its store, whatever it was made from."""
    path = PurePosixPath(name)
    if path.as_posix() != name or path.is_absolute() or any(part.startswith(".") for part in path.parts):
        raise DataError(
            f"{name!r} cannot be the name of an object: a relative path, no part of which begins with a dot"
        )
    return name


@contextlib.contextmanager
def _staged(path: Path, data: bytes) -> Iterator[Path]:
    """A file with this content beside ``path``, on the disk and not only in the cache of the system; removed in the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with staged.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield staged
    finally:
        staged.unlink(missing_ok=True)


@contextlib.contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Raise StorageUnavailable where the system refuses, but let FileNotFoundError pass."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}; check the folder's rights and the free space") from error
