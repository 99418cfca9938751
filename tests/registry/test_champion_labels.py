import pytest

from nivesh.errors import DataError
from nivesh.registry import bundle, experiments, model_registry
from nivesh.registry.champion_labels import champion_labels, check_labels
from nivesh.settings import settings

KEY = "intent_classifier"


@pytest.fixture
def champion(home, tmp_path):
    """A champion that answers two intents."""
    run_id = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
    version = model_registry.semantic_version(model_registry.register_model(KEY, f"runs:/{run_id}/model"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[]")
    manifest = bundle.Manifest(KEY, version, "2025-01-01T00:00:00+00:00", {}, [], {}, {}, labels=["loan", "tax"])
    bundle.pack(tmp_path / "model", manifest, settings().bundles)
    model_registry.set_champion(KEY, version)
    return settings().bundles / KEY / version


def test_without_a_champion_all_labels_are_accepted(home):
    assert champion_labels(KEY) == []
    check_labels(KEY, ["anything"], accept_missing=False)


def test_rows_without_a_served_label_are_refused(champion):
    with pytest.raises(DataError, match="no training row has the label tax, .*--labels-from-data true"):
        check_labels(KEY, ["loan", "weather"], accept_missing=False)
    check_labels(KEY, ["loan", "weather"], accept_missing=True)
    check_labels(KEY, ["loan", "tax", "weather"], accept_missing=False)


def test_a_champion_that_cannot_be_read_serves_no_labels(champion):
    (champion / "model" / "weights.json").write_text("[1]")
    assert champion_labels(KEY) == []
