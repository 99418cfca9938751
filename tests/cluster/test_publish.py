"""``nivesh publish`` on a real S3: what is there never changes."""

import json
import uuid

import boto3
import pytest

from nivesh.errors import BundleError
from nivesh.registry import bundle, s3, storage
from tests.cluster.conftest import repacked

KEY = "anomaly_detector"


@pytest.fixture
def place(cluster, tmp_path, monkeypatch):
    """A bundle and a store of this test's own."""
    monkeypatch.setenv("NIVESH_BUNDLE_STORE", f"{cluster.store}/publish/{uuid.uuid4().hex[:8]}")
    bundles = tmp_path / "bundles"
    (bundles / KEY).mkdir(parents=True)
    source = cluster.home / "bundles" / KEY / "1.0.0"
    return bundle.pack(source / "model", bundle.verify(source), bundles)


def objects(address: str) -> set[str]:
    bucket, prefix = address.removeprefix("s3://").split("/", 1)
    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")
    return {entry["Key"].removeprefix(f"{prefix}/") for entry in found.get("Contents", []) if entry["Size"]}


def test_all_of_a_bundle_is_there_and_publishing_again_does_nothing(place):
    address = storage.publish(place)
    assert objects(address) == {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert storage.publish(place) == address


def test_the_store_tells_its_versions_and_nothing_else(place):
    assert storage.published(KEY) == []
    storage.publish(place)
    storage.publish(repacked(place.parents[1], KEY, "1.10.0"))
    bucket, prefix = storage.address(KEY, "notes").removeprefix("s3://").split("/", 1)
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/readme.txt", Body=b"not a version")
    assert sorted(storage.published(KEY)) == ["1.0.0", "1.10.0"]
    assert storage.published("credit_risk") == []


def test_a_version_with_other_content_is_refused(place):
    storage.publish(place)
    manifest = place / bundle.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"created": "later"}))
    with pytest.raises(BundleError, match="exists with other content"):
        storage.publish(place)
    assert storage.publish(repacked(place.parents[1], KEY, "1.0.1")).endswith("/1.0.1")


def test_a_broken_upload_has_no_manifest_and_can_be_repeated(place, monkeypatch):
    address = storage.address(KEY, "1.0.0")
    with monkeypatch.context() as broken:
        broken.setattr(s3, "create", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            storage.publish(place)
    assert bundle.MANIFEST not in objects(address)
    storage.publish(place)
    assert bundle.MANIFEST in objects(address)


def test_a_changed_bundle_is_not_published(place):
    next(path for path in sorted((place / "model").iterdir()) if path.is_file()).write_text("changed")
    with pytest.raises(BundleError, match="was changed after packaging"):
        storage.publish(place)
    assert not objects(storage.address(KEY, "1.0.0"))
