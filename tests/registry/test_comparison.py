import math

import numpy as np
import pandas as pd
import pytest

from nivesh import models
from nivesh.errors import StorageUnavailable
from nivesh.models.credit_risk.evaluation import primary_metric as auc
from nivesh.registry import bundle, bundle_cache, experiments, model_registry
from nivesh.registry.comparison import Champion, measure_champion, paired_bootstrap
from nivesh.settings import settings

KEY = "credit_risk"
NOTHING = pd.DataFrame()


def mean(rows: np.ndarray) -> float:
    return float(rows.mean())


def test_the_interval_of_two_equal_models_is_zero():
    right = np.array([[1.0], [0.0], [1.0]] * 50)
    found = paired_bootstrap(right, right, mean)
    assert (found.low, found.high, found.rows) == (0.0, 0.0, 150)


def test_the_interval_has_the_width_of_the_normal_approximation():
    """Of 1,000 rows the challenger corrects 60 and breaks 40: difference 0.02, standard error sqrt(0.0996/1000) = 0.00998."""
    champion = np.zeros((1000, 1))
    challenger = np.zeros((1000, 1))
    challenger[:60], champion[60:100] = 1, 1
    found = paired_bootstrap(challenger, champion, mean)
    assert found.low == pytest.approx(0.02 - 1.96 * 0.00998, abs=0.003)
    assert found.high == pytest.approx(0.02 + 1.96 * 0.00998, abs=0.003)


def test_resamples_that_have_no_metric_are_left_out():
    rows = np.array([[1, 0.9], [0, 0.1], [0, 0.2], [0, 0.3]])
    assert math.isnan(auc(rows[1:]))
    found = paired_bootstrap(rows, rows, auc)
    assert (found.low, found.high) == (0.0, 0.0)


def test_the_auc_of_rows_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(0)
    rows = np.column_stack([generator.integers(0, 2, 200), generator.random(200).round(1)])  # with ties
    assert auc(rows) == pytest.approx(roc_auc_score(rows[:, 0], rows[:, 1]))


def champion(tmp_path, content: str) -> None:
    run_id = experiments.client().create_run(experiments.create_experiment(KEY)).info.run_id
    version = model_registry.semantic_version(
        model_registry.register_model(KEY, f"runs:/{run_id}/model", tags={"data_sha256": "abc"})
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text(content)
    manifest = bundle.Manifest(KEY, version, "2025-01-01T00:00:00+00:00", {}, [], {}, {})
    bundle.pack(tmp_path / "model", manifest, settings().bundles)
    model_registry.set_champion(KEY, version)


def test_without_a_champion_there_is_nothing_to_compare_with(home):
    assert measure_champion(models.get(KEY), None, NOTHING, NOTHING) == Champion()


def test_a_champion_of_other_code_counts_as_none(home, tmp_path):
    champion(tmp_path, '{"made": "by a later version"}')
    found = measure_champion(models.get(KEY), None, NOTHING, NOTHING)
    assert (found.version, found.data_sha256, found.metrics) == ("1.0.0", "abc", None)
    assert found.problem


def test_a_champion_whose_bundle_is_broken_counts_as_none(home, tmp_path):
    champion(tmp_path, "{}")
    (settings().bundles / KEY / "1.0.0" / "model" / "model.json").write_text("changed")
    assert "was changed after packaging" in measure_champion(models.get(KEY), None, NOTHING, NOTHING).problem


def test_an_outage_says_nothing_about_the_champion(home, tmp_path, monkeypatch):
    champion(tmp_path, "{}")

    def away(version):
        raise StorageUnavailable("S3 is away")

    monkeypatch.setattr(bundle_cache, "folder_of", away)
    with pytest.raises(StorageUnavailable):
        measure_champion(models.get(KEY), None, NOTHING, NOTHING)
