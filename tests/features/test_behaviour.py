import copy
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nivesh.errors import DataError
from nivesh.features.behaviour import FEATURES, MAX_MERCHANTS, MAX_RECENT, fold, profile, score_row, update
from nivesh.features.transaction import moment
from nivesh.simulate import transactions


def pay(when: str, amount: float, merchant="Shop", category="food", city="Pune", **more) -> dict:
    return {"timestamp": when, "amount": amount, "merchant": merchant, "category": category, "city": city, **more}


def after(*rows: dict) -> dict:
    past = profile()
    for row in rows:
        past = update(past, row)
    return past


@pytest.fixture(scope="module")
def month() -> dict:
    """Sixty days of one payment each at noon, of about 100 rupees."""
    days = pd.date_range("2025-01-01", periods=60)
    return after(*(pay(f"{day:%Y-%m-%d}T12:00:00", 100 + 5 * (day.day % 7)) for day in days))


def test_online_rows_equal_the_frame_to_the_last_digit():
    frame = transactions(users=3, months=3, seed=5)
    values, profiles = fold(frame)
    past: dict[str, dict] = {}
    for place, row in enumerate(frame.to_dict("records")):
        stored = json.loads(json.dumps(past.get(row["user_id"], profile())))  # as it comes from a feature store
        assert list(score_row(stored, row).values()) == values[place].tolist()
        past[row["user_id"]] = update(stored, row)
    assert past == profiles


def test_features_know_only_the_past():
    frame = transactions(users=3, months=4, seed=6)
    half = frame.iloc[: len(frame) // 2]
    np.testing.assert_array_equal(fold(frame)[0][: len(half)], fold(half)[0])


def test_one_user_does_not_touch_another():
    frame = transactions(users=4, months=3, seed=6)
    one = (frame["user_id"] == "user_102").to_numpy()
    np.testing.assert_array_equal(fold(frame)[0][one], fold(frame[one])[0])


def test_update_leaves_the_given_profile(month):
    before = copy.deepcopy(month)
    update(month, pay("2025-03-05T12:00:00", 50))
    assert month == before


def test_a_usual_payment_is_no_surprise(month):
    row = score_row(month, pay("2025-03-05T12:10:00", 110))
    assert max(row[name] for name in ("amount_user", "merchant_new", "city_new", "hour", "repeat", "burst_10m")) < 0.7


def test_a_high_amount(month):
    row = score_row(month, pay("2025-03-05T12:00:00", 2300))
    assert row["amount_category"] > 5 and row["record_user"] > 5
    assert row["times_category"] == pytest.approx(2300 / 114, rel=0.1)


def test_a_rare_hour_a_new_merchant_and_a_new_city(month):
    night = score_row(month, pay("2025-03-05T03:00:00", 110))
    assert night["hour"] > 2
    new = score_row(month, pay("2025-03-05T12:00:00", 110, merchant="Other", city="Moscow"))
    assert new["merchant_new"] > 2 and new["city_unseen"] > 2 and new["visits_city"] == 0
    assert score_row(month, pay("2025-03-05T12:00:00", 110, city=""))["city_new"] == 0


def test_a_second_city_within_minutes(month):
    past = update(month, pay("2025-03-05T12:00:00", 110))
    soon = score_row(past, pay("2025-03-05T12:10:00", 90, city="Moscow"))
    late = score_row(past, pay("2025-03-06T13:10:00", 90, city="Moscow"))
    assert soon["haste"] > 3 and soon["minutes_city"] == 10 and late["haste"] == 0


def test_the_same_payment_twice(month):
    past = update(month, pay("2025-03-05T12:00:00", 111))
    twice = score_row(past, pay("2025-03-05T12:01:30", 111))
    assert twice["repeat"] > 6 and twice["minutes_repeat"] == 1.5
    assert score_row(past, pay("2025-03-05T12:01:30", 87))["repeat"] == 0
    assert score_row(past, pay("2025-03-05T20:00:00", 111))["repeat"] < twice["repeat"]


def test_counts_within_windows(month):
    past = month
    for minute in range(5):
        past = update(past, pay(f"2025-03-05T12:0{minute}:00", 20 + minute))
    row = score_row(past, pay("2025-03-05T12:05:00", 40))
    assert (row["count_10m"], row["count_1h"], row["count_same"]) == (6, 6, 6)
    assert row["burst_10m"] > 4
    assert score_row(past, pay("2025-03-05T14:00:00", 40))["count_1h"] == 1


def test_money_that_runs_off_to_new_payees(month):
    past = month
    for minute in range(3):
        past = update(past, pay(f"2025-03-05T12:0{minute}:00", 5000, merchant=f"Payee {minute}", category="transfer"))
    row = score_row(past, pay("2025-03-05T12:05:00", 5000, merchant="Payee 9", category="transfer"))
    assert row["count_new"] == 4 and row["times_drain"] > 100 and row["drain_1h"] > 0


def test_the_first_transaction_of_a_user_gives_no_surprise():
    row = score_row(profile(), pay("2025-03-05T03:00:00", 1e9))
    assert max(row[name] for name in FEATURES[:6]) == 0 and row["history"] == 0


def test_who_always_does_something_is_not_surprised_by_it():
    days = pd.date_range("2025-01-01", periods=80)
    past = after(*(pay(f"{day:%Y-%m-%d}T03:00:00", 100, merchant=f"Shop {day}", city=f"City {day}") for day in days))
    row = score_row(past, pay("2025-04-05T03:00:00", 100, merchant="Another", city="Another"))
    assert row["hour"] < 0.2 and row["merchant_new"] < 0.2 and row["city_unseen"] < 0.2


def test_dates_without_hours_do_not_make_every_row_a_burst():
    days = pd.date_range("2025-01-01", periods=80).repeat(3)
    past = after(*(pay(f"{day:%Y-%m-%d}", 100 + number % 17) for number, day in enumerate(days)))
    row = score_row(after_two(past), pay("2025-04-05", 99))
    assert row["burst_10m"] < 1.5 and row["hour"] < 0.1


def after_two(past: dict) -> dict:
    return update(update(past, pay("2025-04-05", 120)), pay("2025-04-05", 130))


def test_the_profile_stays_small():
    past = profile()
    frame = pd.DataFrame(
        {
            "user_id": "U", "timestamp": pd.date_range("2025-01-01", periods=2000, freq="min"), "amount": 5.0,
            "direction": "debit", "category": "c", "merchant": [f"m{n}" for n in range(2000)], "account": "", "city": "x",
        }
    )  # fmt: skip
    past = fold(frame)[1]["U"]
    assert len(past["merchants"]) <= MAX_MERCHANTS and len(past["recent"]) == MAX_RECENT
    assert "-m1999" in past["merchants"] and "-m0" not in past["merchants"]
    assert len(json.dumps(past)) < 120_000


def test_times_in_other_zones_and_forms_are_the_same_moment():
    naive = moment(pay("2025-03-05T12:00:00", 1))
    assert moment(pay("2025-03-05T06:30:00+00:00", 1)) == naive
    assert moment(pay(datetime(2025, 3, 5, 6, 30, tzinfo=UTC), 1)) == naive
    assert moment(pay(pd.Timestamp("2025-03-05T12:00:00"), 1)) == naive


@pytest.mark.parametrize(
    "change", [{"timestamp": "yesterday"}, {"timestamp": None}, {"amount": 0}, {"amount": float("nan")}]
)
def test_what_cannot_be_read_is_refused(change):
    with pytest.raises(DataError):
        moment(pay("2025-03-05T12:00:00", 1) | change)


def test_names_are_compared_without_case_and_spaces(month):
    assert score_row(month, pay("2025-03-05T12:00:00", 100, merchant="  sHOP "))["merchant_new"] == 0
    odd = score_row(month, pay("2025-03-05T12:00:00", 100, merchant="चाय ☕ ₹" * 20))
    assert odd["merchant_new"] > 2
