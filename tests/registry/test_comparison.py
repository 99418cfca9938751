import math

import numpy as np
import pandas as pd
import pytest

from nivesh import models
from nivesh.errors import StorageUnavailable
from nivesh.models.anomaly_detector.evaluation import primary_metric as detection_rate
from nivesh.models.credit_risk.evaluation import primary_metric as auc
from nivesh.models.financial_ner.evaluation import primary_metric as ner_f1
from nivesh.models.spending_predictor.evaluation import primary_metric as mean_error
from nivesh.registry import bundle, bundle_cache, comparison, experiments, model_registry
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


def test_spans_are_resampled_by_text():
    """60 texts of one span each: the challenger finds all, the champion misses those of 15 texts. F1 1 against
    2 * 45 / (2 * 45 + 15) = 0.857; of a resample with k such texts 1 - 2 (60 - k) / (120 - k), and k is Binomial(60, 1/4)
    with 95 % of its values from 9 to 22."""
    challenger = np.tile([1.0, 0, 0], (60, 1))
    champion = challenger.copy()
    champion[:15] = [0, 0, 1]
    assert ner_f1(champion) == pytest.approx(90 / 105)
    found = paired_bootstrap(challenger, champion, ner_f1, unit="texts")
    assert found.low == pytest.approx(1 - 102 / 111, abs=0.015) and found.high == pytest.approx(1 - 76 / 98, abs=0.015)
    assert (found.rows, found.unit) == (60, "texts")
    assert math.isnan(ner_f1(np.zeros((3, 3))))


def test_users_weigh_by_their_anomalies_and_months():
    assert detection_rate(np.array([[1.0, 1.0], [3.0, 0.0]])) == 0.25
    assert math.isnan(detection_rate(np.zeros((2, 2))))
    assert mean_error(np.array([[600.0, 6.0], [900.0, 3.0]])) == pytest.approx(1500 / 9)


def test_one_user_who_moves_the_metric_alone_is_no_sure_gain():
    """The challenger is better by 10,000 rupees for one user and worse by 10 for each of 29."""
    champion = np.tile([6_000.0, 6.0], (30, 1))
    challenger = champion + np.where(np.arange(30)[:, None] == 0, [[-60_000 / 6, 0]], [[60.0, 0]])
    found = paired_bootstrap(challenger, champion, mean_error)
    assert mean_error(challenger) < mean_error(champion) and found.low < 0 < found.high


def test_models_of_other_rows_have_no_interval(monkeypatch):
    model = models.get("spending_predictor")
    rows = {"all": np.ones((5, 2)), "one user": np.ones((6, 2))}
    monkeypatch.setattr(type(model), "per_row", lambda self, fitted, test, history: rows[fitted])
    assert comparison._differences(model, "all", "one user", NOTHING, NOTHING)[0] is None
    assert comparison._differences(model, "all", "all", NOTHING, NOTHING)[0] is not None


def test_the_loss_is_scikit_learns():
    from sklearn.metrics import log_loss

    generator = np.random.default_rng(1)
    rows = np.column_stack([generator.integers(0, 2, 200), generator.random(200)])
    assert models.get(KEY).loss(rows) == pytest.approx(log_loss(rows[:, 0], rows[:, 1]))
    assert models.get("intent_classifier").loss(rows) is None


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
