import json

import pytest

from nivesh.errors import BundleError, DataError, ModelNotFound
from nivesh.registry import bundle, loaded_model


@pytest.fixture
def packed(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.json").write_text("[1, 2]")
    manifest = bundle.Manifest("credit_risk", "1.0.0", "2025-01-01T00:00:00+00:00", {"auc": 0.9}, [], {}, {})
    return bundle.pack(model, manifest, tmp_path / "bundles")


def test_a_bundle_of_another_model_is_refused_before_it_is_loaded(packed):
    with pytest.raises(BundleError, match="holds credit_risk, not financial_ner"):
        loaded_model.load(packed, "financial_ner")
    with pytest.raises(BundleError, match="holds credit_risk, not financial_ner"):
        loaded_model.FinancialNER().load_model(packed)


def test_a_bundle_of_a_key_that_is_no_model_is_refused(packed):
    manifest = packed / bundle.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"key": "retired"}))
    with pytest.raises(ModelNotFound, match="no model 'retired'"):
        loaded_model.load(packed)


@pytest.mark.parametrize("text", [None, 3, ["I spent 200"]])
def test_the_guides_classes_take_texts_only(text):
    with pytest.raises(DataError, match="must be a string"):
        loaded_model.FinancialNER().predict(text)


def test_without_a_champion_the_guides_classes_name_the_command_that_trains_one(home):
    with pytest.raises(ModelNotFound, match="nivesh train intent_classifier"):
        loaded_model.IntentClassifier().load_model()
