import json

import pytest

from nivesh.errors import BundleError
from nivesh.registry import bundle


@pytest.fixture
def packed(tmp_path):
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "weights.json").write_text("[1, 2]")
    (model / "deep" / "words.txt").write_text("₹")
    return bundle.pack(model, _manifest(), tmp_path / "bundles")


def _manifest() -> bundle.Manifest:
    return bundle.Manifest("credit_risk", "1.0.0", "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {"rows": 3})


def test_a_bundle_says_what_it_is(packed):
    manifest = bundle.verify(packed)
    assert packed.parts[-2:] == ("credit_risk", "1.0.0")
    assert manifest.metrics == {"auc": 0.9}
    assert set(manifest.files) == {"model/weights.json", "model/deep/words.txt"}


def test_packing_the_same_again_changes_nothing(packed, tmp_path):
    assert bundle.pack(tmp_path / "model", _manifest(), tmp_path / "bundles") == packed
    assert [path.name for path in packed.parent.iterdir()] == ["1.0.0"]


def test_a_version_never_changes_its_content(packed, tmp_path):
    (tmp_path / "model" / "weights.json").write_text("[3]")
    with pytest.raises(BundleError, match="exists with other content"):
        bundle.pack(tmp_path / "model", _manifest(), tmp_path / "bundles")
    assert bundle.verify(packed)


def test_a_changed_missing_or_added_file_is_named(packed):
    weights = packed / "model" / "weights.json"
    weights.write_text("[1, 3]")
    with pytest.raises(BundleError, match="model/weights.json was changed"):
        bundle.verify(packed)
    weights.unlink()
    with pytest.raises(BundleError, match="model/weights.json is missing"):
        bundle.verify(packed)
    weights.write_text("[1, 2]")
    (packed / "model" / "evil.py").write_text("")
    with pytest.raises(BundleError, match="evil.py is not in the manifest"):
        bundle.verify(packed)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ("[]", "format None"), ('{"format": 9}', "format 9"), ('{"format": 1}', "missing")],
)
def test_a_manifest_that_cannot_be_used(packed, content, message):
    (packed / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=message):
        bundle.verify(packed)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="not a bundle"):
        bundle.verify(tmp_path)


def test_the_manifest_is_plain_json(packed):
    assert json.loads((packed / "manifest.json").read_text())["format"] == bundle.FORMAT
