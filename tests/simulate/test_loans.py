import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from nivesh import data
from nivesh.data.tables import LOANS
from nivesh.errors import SettingsError
from nivesh.features.finances import monthly_payment
from nivesh.simulate.loans import _logit, loans


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return loans(20_000, seed=3)


def test_columns_are_those_of_the_schema_and_pass_the_reader(frame, tmp_path):
    path = tmp_path / "loans.csv"
    frame.head(500).to_csv(path, index=False)
    read = data.read("loans", path)
    assert list(read.columns) == [name for name, column in LOANS.columns.items() if column.required]
    pd.testing.assert_frame_equal(read, frame.head(500), check_dtype=False)


def test_same_seed_same_rows_and_another_seed_others():
    pd.testing.assert_frame_equal(loans(200, seed=1), loans(200, seed=1))
    assert not loans(200, seed=1).equals(loans(200, seed=2))


def test_the_sample_that_ships_is_the_default_simulation():
    pd.testing.assert_frame_equal(data.read("loans"), loans(), check_dtype=False)


def test_default_rate_and_noise_are_realistic(frame):
    assert 0.10 < frame["defaulted"].mean() < 0.18
    emi = monthly_payment(frame["loan_amount"].to_numpy(), frame["loan_tenure_months"].to_numpy())
    best = roc_auc_score(frame["defaulted"], _logit(frame, emi))
    assert 0.88 < best < 0.92


def test_gender_has_no_effect_beyond_the_finances(frame):
    emi = monthly_payment(frame["loan_amount"].to_numpy(), frame["loan_tenure_months"].to_numpy())
    deciles = pd.qcut(_logit(frame, emi), 10, labels=False)
    women, men = (frame["gender"] == name for name in ("female", "male"))
    rates = frame["defaulted"].groupby([deciles, frame["gender"]]).mean().unstack()
    gap = np.average(rates["female"] - rates["male"], weights=np.bincount(deciles))
    error = np.sqrt(0.08 * (1 / women.sum() + 1 / men.sum()))  # mean p(1-p) within deciles is about 0.08
    assert abs(gap) < 3 * error


def test_debt_to_income_is_without_the_new_loan(frame):
    np.testing.assert_allclose(frame["debt_to_income"], frame["existing_emis"] / frame["monthly_income"], atol=1e-4)


@pytest.mark.parametrize(
    ("column", "direction"),
    [("debt_to_income", 1), ("credit_utilization", 1), ("on_time_payment_pct", -1), ("emergency_fund_months", -1)],
)
def test_default_follows_what_it_should(frame, column, direction):
    assert direction * frame[column].corr(frame["defaulted"], method="spearman") > 0.1


def test_some_users_apply_twice_and_stay_the_same_person(frame):
    twice = frame[frame["user_id"].duplicated(keep=False)].groupby("user_id")
    assert 0.05 < len(twice) / frame["user_id"].nunique() < 0.2
    assert (twice["gender"].nunique() == 1).all()
    assert (twice["age"].agg(np.ptp) <= 2).all()


def test_one_application_works_and_progress_ends_at_one():
    fractions = []
    assert len(loans(1, progress=lambda fraction, text: fractions.append(fraction))) == 1
    assert fractions == sorted(fractions) and fractions[-1] == 1


@pytest.mark.parametrize("number", [0, -5, 2_000_000])
def test_number_out_of_range(number):
    with pytest.raises(SettingsError, match=f"applications={number}: give a number from 1 to 1,000,000"):
        loans(number)
