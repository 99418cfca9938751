"""credit_risk on features that are made from transactions: the comparison is kept with the run, the metadata name it."""

import json
from pathlib import Path

import numpy as np
import pytest

import components as do
from nivesh import data
from nivesh.errors import DataError, SettingsError
from nivesh.registry import experiments, tracking
from pipelines import arguments

KEY = "credit_risk"


@pytest.fixture
def rows(artifact):
    """Checked applications, two of three by users who have transactions."""
    generator = np.random.default_rng(0)
    users = [*sorted(data.read("transactions")["user_id"].unique()), *(f"stranger{n}" for n in range(30))]
    frame = data.read("loans").head(450)
    times = np.datetime64("2025-03-05") + generator.integers(0, 40, len(frame)).astype("timedelta64[D]")
    frame = frame.assign(user_id=generator.choice(users, len(frame)), applied_at=times.astype("datetime64[ns]"))
    made = artifact("rows", data_sha256="abc")
    data.write_parquet(frame, made.path)
    return made


def test_features_come_from_transactions_and_the_comparison_is_kept(artifact, rows, capsys):
    features, comparison = artifact("features"), artifact("comparison")
    sample = str(data.sample("transactions"))
    do.build_features.python_func(KEY, rows, features, comparison, sample)
    before, after = data.read_parquet(rows.path), data.read_parquet(features.path)
    starts = data.read("transactions").groupby("user_id")["timestamp"].min().dt.to_period("M")
    joined = before["applied_at"].dt.to_period("M") > before["user_id"].map(starts)
    assert (after["income_stability"] != before["income_stability"]).equals(joined)
    assert after["emi_to_income"].to_numpy() == pytest.approx(np.minimum(after["emi"] / after["monthly_income"], 10))
    assert features.metadata["rows_with_features_from_transactions"] == joined.sum()
    assert features.metadata["transactions_source"] == sample and features.metadata["data_sha256"] == "abc"

    content = json.loads((Path(comparison.path) / "feature_comparison.json").read_text())
    assert {"monthly_income", "credit_utilization", "emi_to_income"} <= set(content["features"])
    assert "loan_amount" not in content["features"] and "emi" not in content["features"]
    assert content["shifted"] == [name for name, one in content["features"].items() if one["psi"] > 0.25] != []
    assert all(name in features.metadata["shifted_features"] for name in content["shifted"])
    assert f"note: features made from transactions: {features.metadata['shifted_features']}" in capsys.readouterr().out
    kept = experiments.client().list_artifacts(tracking.parent_run(KEY), "report")
    assert {"report/feature_comparison.json", "report/feature_comparison.png"} == {file.path for file in kept}


def test_without_transactions_the_files_columns_stay(artifact, rows):
    features, comparison = artifact("features"), artifact("comparison")
    do.build_features.python_func(KEY, rows, features, comparison)
    before, after = data.read_parquet(rows.path), data.read_parquet(features.path)
    assert after[list(before)].equals(before) and "emi" in after
    assert features.metadata == rows.metadata and not list(Path(comparison.path).iterdir())


def test_a_missing_file_of_transactions_is_named_and_nothing_is_written(artifact, rows):
    features = artifact("features")
    with pytest.raises(DataError, match=r"payments\.csv: there is no such file"):
        do.build_features.python_func(KEY, rows, features, artifact("comparison"), "payments.csv")
    assert not Path(features.path).exists()


def test_only_a_model_whose_rows_carry_users_features_takes_transactions():
    given = arguments(KEY, "loans.csv", 0, {}, transactions="t.csv", transactions_dialect="row_ids: true")
    assert given["transactions"] == "t.csv" and given["transactions_dialect"] == "row_ids: true"
    with pytest.raises(SettingsError, match="--transactions: anomaly_detector has no features of users"):
        arguments("anomaly_detector", "", 0, {}, transactions="t.csv")
