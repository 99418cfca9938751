import json

import boto3
import pytest
from moto.server import ThreadedMotoServer

from nivesh.errors import BundleError, DataError, SettingsError, StorageUnavailable
from nivesh.registry import bundle, storage


@pytest.fixture
def packed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[1, 2]")
    manifest = bundle.Manifest("credit_risk", "1.0.0", "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {})
    return bundle.pack(tmp_path / "model", manifest, tmp_path / "bundles")


def test_an_address_is_the_store_the_key_and_the_version(monkeypatch):
    monkeypatch.setenv("NIVESH_BUNDLE_STORE", "s3://bucket/some/folder/")
    assert storage.address("credit_risk", "1.2.0") == "s3://bucket/some/folder/credit_risk/1.2.0"


@pytest.mark.parametrize("store", ["models", "/srv/models", "https://example.com/models"])
def test_a_store_that_is_no_bucket_is_refused(packed, monkeypatch, store):
    monkeypatch.setenv("NIVESH_BUNDLE_STORE", store)
    with pytest.raises(SettingsError, match="give a bucket"):
        storage.publish(packed)


def test_without_s3_the_message_says_what_to_check(packed, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageUnavailable, match="check AWS_ENDPOINT_URL"):
        storage.publish(packed)


@pytest.fixture
def s3(monkeypatch):
    """A real S3 API on this machine, with an empty bucket ``models``."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NIVESH_BUNDLE_STORE": "s3://models/team",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    yield client
    for item in client.list_objects_v2(Bucket="models").get("Contents", []):
        client.delete_object(Bucket="models", Key=item["Key"])
    client.delete_bucket(Bucket="models")
    server.stop()


def stored(s3) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="models").get("Contents", [])}


def test_a_published_bundle_is_fetched_as_it_was_packed(s3, packed, tmp_path):
    assert storage.published("credit_risk") == []
    assert storage.publish(packed) == storage.publish(packed) == "s3://models/team/credit_risk/1.0.0"
    folder = "team/credit_risk/1.0.0"
    assert stored(s3) == {f"{folder}/manifest.json", f"{folder}/model/weights.json"}
    assert storage.published("credit_risk") == ["1.0.0"]
    assert storage.published("credit") == []
    assert storage.fetch("s3://models/team/credit_risk/1.0.0", tmp_path / "fetched") == bundle.verify(packed)
    assert (tmp_path / "fetched" / "model" / "weights.json").read_text() == "[1, 2]"


def test_a_version_with_other_content_is_not_overwritten(s3, packed, tmp_path):
    storage.publish(packed)
    (tmp_path / "model" / "weights.json").write_text("[3]")
    manifest = bundle.Manifest("credit_risk", "1.0.0", "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {})
    other = bundle.pack(tmp_path / "model", manifest, tmp_path / "others")
    with pytest.raises(BundleError, match="exists with other content"):
        storage.publish(other)
    assert (
        storage.fetch("s3://models/team/credit_risk/1.0.0", tmp_path / "fetched").files == bundle.verify(packed).files
    )


def test_an_upload_that_broke_off_is_no_bundle_and_can_be_repeated(s3, packed, tmp_path):
    storage.publish(packed)
    s3.delete_object(Bucket="models", Key="team/credit_risk/1.0.0/manifest.json")
    with pytest.raises(BundleError, match="there is no bundle; publish it"):
        storage.fetch("s3://models/team/credit_risk/1.0.0", tmp_path / "fetched")
    assert storage.published("credit_risk") == ["1.0.0"], "its number is not used again"
    storage.publish(packed)
    assert storage.fetch("s3://models/team/credit_risk/1.0.0", tmp_path / "again")


def test_a_file_that_was_changed_in_s3_is_named(s3, packed, tmp_path):
    storage.publish(packed)
    s3.put_object(Bucket="models", Key="team/credit_risk/1.0.0/model/weights.json", Body=b"[9]")
    with pytest.raises(BundleError, match="model/weights.json was changed"):
        storage.fetch("s3://models/team/credit_risk/1.0.0", tmp_path / "fetched")


def test_a_users_file_is_downloaded_or_named_where_it_is_missing(s3, tmp_path):
    s3.put_object(Bucket="models", Key="data/loans.csv", Body=b"age\n30\n")
    assert storage.download("s3://models/data/loans.csv", tmp_path).read_text() == "age\n30\n"
    for missing in ("s3://models/data/nothing.csv", "s3://nobody/loans.csv"):
        with pytest.raises(DataError, match="there is no such object"):
            storage.download(missing, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../../escaped", "/tmp/escaped", "model/../../escaped", "model//x", "model/./x", "model", "other/x", "model\\..\\x",
     "model/a\nb", "C:/x"],
)  # fmt: skip
def test_a_manifest_cannot_name_a_place_outside_of_the_bundle(packed, s3, tmp_path, name):
    address = storage.publish(packed)
    content = json.loads((packed / bundle.MANIFEST).read_text())
    content["files"] = {name: "0" * 64}
    prefix = address.removeprefix("s3://models/")
    s3.put_object(Bucket="models", Key=f"{prefix}/{bundle.MANIFEST}", Body=json.dumps(content).encode())
    target = tmp_path / "fetched" / "here"
    target.mkdir(parents=True)
    with pytest.raises(BundleError, match="is no file below model/"):
        storage.fetch(address, target)
    assert not list(target.iterdir()) and not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(
    "change",
    [{"files": {"model/x": "short"}}, {"files": []}, {"key": "../x"}, {"version": "../1"}, {"metrics": "good"},
     {"unknown": 1}],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_its_schema_is_refused(packed, change):
    content = json.loads((packed / bundle.MANIFEST).read_text()) | change
    with pytest.raises(BundleError, match="here: "):
        bundle.parse_manifest(json.dumps(content).encode(), "here")


def test_a_bundle_at_the_address_of_another_version_is_refused(packed, s3, tmp_path):
    address = storage.publish(packed)
    for name in ("manifest.json", "model/weights.json"):
        copied = {"Bucket": "models", "Key": f"{address.removeprefix('s3://models/')}/{name}"}
        s3.copy_object(Bucket="models", Key=f"team/credit_risk/9.0.0/{name}", CopySource=copied)
    with pytest.raises(BundleError, match="it holds credit_risk 1.0.0"):
        storage.fetch("s3://models/team/credit_risk/9.0.0", tmp_path)
