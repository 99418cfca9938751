"""A row's answer is its own: the same alone, in a batch, in any order, and in any form of its file.

Another model of tables joins by its line in UNITS.
"""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nivesh import data, models

# Model -> (the column of ids of what is answered by itself, how many of them, the column that identifies a row).
UNITS = {
    "credit_risk": ("application_id", 12, "application_id"),
    "anomaly_detector": ("user_id", 3, "transaction_id"),
}
ROWS_PER_UNIT = 40
TEXT_TYPES = ("object", "string", "category", "string[pyarrow]")


def semicolons(frame: pd.DataFrame, path) -> None:
    frame.rename(columns=lambda name: f" {name.upper().replace('_', ' ')} ").to_csv(path, sep=";", index=False)


def utf16(frame: pd.DataFrame, path) -> None:
    frame.to_csv(path, sep="\t", index=False, encoding="utf-16")


def parquet(text_type: str):
    def write(frame: pd.DataFrame, path) -> None:
        texts = frame.select_dtypes(object).columns
        frame.astype(dict.fromkeys(texts, text_type)).to_parquet(path)

    return write


FORMS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "semicolons": semicolons,
    "utf16": utf16,
    "xlsx": lambda frame, path: frame.to_excel(path, index=False, engine="openpyxl"),
} | {f"parquet of {name}": parquet(name) for name in TEXT_TYPES}


def answers(trained, path, identity: str) -> pd.DataFrame:
    """The predictions of a file by the id of the row; texts of reasons included."""
    rows = data.read(trained.module.spec.dataset, path, labelled=False)
    features = trained.module.build_features(rows)
    predicted = trained.module.predict_frame(trained.model, features)
    added = [name for name in predicted if name not in features]
    return predicted.set_index(identity)[added].sort_index()


@pytest.mark.parametrize("key", UNITS)
def test_an_answer_depends_on_its_own_rows_only(key, train, tmp_path):
    unit, count, identity = UNITS[key]
    trained = train(key)
    labels = data.DATASETS[models.get(key).spec.dataset].labels
    rows = data.read(trained.module.spec.dataset).drop(columns=[*labels, "anomaly_kind"], errors="ignore")
    batch = rows[rows[unit].isin(rows[unit].unique()[:count])].groupby(unit).head(ROWS_PER_UNIT)
    FORMS["csv"](batch, tmp_path / "batch")
    expected = answers(trained, tmp_path / "batch", identity)
    assert len(expected) == len(batch)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        chosen=st.sets(st.sampled_from(sorted(batch[unit].unique())), min_size=1),
        form=st.sampled_from(sorted(FORMS)),
        seed=st.integers(0, 1000),
    )
    def same(chosen, form, seed):
        part = batch[batch[unit].isin(chosen)].sample(frac=1, random_state=seed)
        path = tmp_path / "part"
        FORMS[form](part, path.with_suffix(".xlsx") if form == "xlsx" else path)
        found = answers(trained, path.with_suffix(".xlsx") if form == "xlsx" else path, identity)
        pd.testing.assert_frame_equal(found, expected.loc[found.index], check_exact=True)
        assert len(found) == len(part)

    same()
