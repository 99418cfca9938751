import pytest

from nivesh.errors import SettingsError, StorageUnavailable
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
