import copy
import json
import timeit
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.errors import DataError
from nivesh.features.behaviour import (
    FEATURES,
    in_event_order,
    offline_features,
    online_features,
    updated,
    user_profiles,
)
from nivesh.features.profile import MAX_MERCHANTS, MAX_RECENT, Profile
from nivesh.features.transaction import parse_transaction
from nivesh.simulate import transactions


def pay(when: str, amount: float, merchant="Shop", category="food", city="Pune", **more) -> dict:
    return {"timestamp": when, "amount": amount, "merchant": merchant, "category": category, "city": city, **more}


def after(*rows: dict) -> dict:
    past = Profile().to_stored()
    for row in rows:
        past = updated(past, row)
    return past


@pytest.fixture(scope="module")
def month() -> dict:
    """Sixty days of one payment each at noon, of about 100 rupees."""
    days = pd.date_range("2025-01-01", periods=60)
    return after(*(pay(f"{day:%Y-%m-%d}T12:00:00", 100 + 5 * (day.day % 7)) for day in days))


def test_online_features_and_profiles_equal_the_offline_ones_for_every_row():
    frame = in_event_order(transactions(users=4, months=4, seed=5))
    values, profiles = offline_features(frame)
    online: dict[str, dict] = {}
    for place, row in enumerate(frame.to_dict("records")):
        stored = json.loads(
            json.dumps(online.get(row["user_id"], Profile().to_stored()))
        )  # as a feature store keeps it
        assert list(online_features(stored, row).values()) == values[place].tolist()
        online[row["user_id"]] = updated(stored, row)
    assert online == profiles


@pytest.mark.slow
def test_streamed_transactions_continue_the_materialised_profile_of_every_sample_user():
    sample = in_event_order(data.read("transactions"))
    streamed = sample.groupby("user_id").cumcount(ascending=False).to_numpy() < 10
    values, profiles = offline_features(sample)
    online = user_profiles(sample[~streamed])
    assert len(online) == 60
    for place, row in zip(np.flatnonzero(streamed), sample[streamed].to_dict("records"), strict=True):
        stored = json.loads(json.dumps(online[row["user_id"]]))
        assert list(online_features(stored, row).values()) == values[place].tolist()
        online[row["user_id"]] = updated(stored, row)
    assert online == profiles


def burst(minutes=range(0, 40, 2)) -> list[dict]:
    """Payments of one user minutes apart, at old and new merchants."""
    start = pd.Timestamp("2025-03-05T12:00:00")
    return [
        pay((start + pd.Timedelta(minutes=minute)).isoformat(), 50 + minute % 7, f"Shop {minute % 3}") | {"transaction_id": f"b{minute:02d}"}
        for minute in minutes
    ]  # fmt: skip


def test_a_transaction_counts_once_however_often_it_arrives(month):
    rows = burst()
    once = twice = month
    for row in rows:
        once = updated(once, row)
    for row in [*rows, *rows[-10:], rows[3]]:
        twice = updated(updated(twice, row), row)
    assert twice == once and once["rows"] + len(once["pending"]) == 80


def test_without_an_id_the_content_identifies_a_transaction(month):
    first = updated(month, pay("2025-03-05T12:00:00", 50))
    assert updated(first, pay("2025-03-05T12:00:00", 50)) == first
    assert updated(first, pay("2025-03-05T12:00:01", 50)) != first


def test_a_late_transaction_finds_its_place(month):
    rows = burst()
    in_order = shuffled = month
    for row in rows:
        in_order = updated(in_order, row)
    for place in range(0, len(rows), 2):  # each pair the other way round: two minutes late
        shuffled = updated(updated(shuffled, rows[place + 1]), rows[place])
    assert shuffled == in_order


def test_a_very_late_transaction_counts_and_breaks_nothing(month):
    past = month
    for row in burst():
        past = updated(past, row)
    late = updated(past, pay("2025-03-05T09:00:00", 70, "Shop 1") | {"transaction_id": "late"})
    assert late["rows"] == past["rows"] + 1 and late["last_time"] == past["last_time"]
    row = online_features(late, pay("2025-03-05T12:39:00", 70, "Shop 1") | {"transaction_id": "next"})
    assert row["count_24h"] == 22


def test_a_retry_is_scored_as_the_first_time(month):
    row = burst()[0]
    assert online_features(updated(month, row), row) == online_features(month, row)
    without_id = {name: value for name, value in row.items() if name != "transaction_id"}
    assert online_features(updated(month, without_id), without_id) == online_features(month, without_id)


def test_the_order_of_a_files_rows_does_not_matter():
    frame = transactions(users=2, months=2, seed=5)
    frame["timestamp"] = frame["timestamp"].dt.floor("D")  # many rows of the same time
    assert user_profiles(frame.sample(frac=1.0, random_state=1)) == user_profiles(frame)


def test_an_update_is_fast():
    frame = transactions(users=1, months=12, seed=5)
    past = user_profiles(frame)["user_101"]
    row = pay("2025-10-05T12:00:00", 70)
    best = min(timeit.repeat(lambda: updated(past, row), number=50, repeat=5)) / 50
    assert best < 0.0006  # 0.1 ms on an idle core


def test_features_know_only_the_past():
    frame = transactions(users=3, months=4, seed=6)
    half = frame.iloc[: len(frame) // 2]
    np.testing.assert_array_equal(offline_features(frame)[0][: len(half)], offline_features(half)[0])


def test_one_user_does_not_touch_another():
    frame = transactions(users=4, months=3, seed=6)
    of_user = (frame["user_id"] == "user_102").to_numpy()
    np.testing.assert_array_equal(offline_features(frame)[0][of_user], offline_features(frame[of_user])[0])


def test_update_leaves_the_given_profile(month):
    before = copy.deepcopy(month)
    updated(month, pay("2025-03-05T12:00:00", 50))
    assert month == before


def test_a_usual_payment_is_no_surprise(month):
    row = online_features(month, pay("2025-03-05T12:10:00", 110))
    assert (
        max(row[name] for name in ("amount_user", "merchant_new", "city_new", "hour", "repeat_payment", "burst_10m"))
        < 0.7
    )


def test_a_high_amount(month):
    row = online_features(month, pay("2025-03-05T12:00:00", 2300))
    assert row["amount_category"] > 5 and row["record_user"] > 5
    assert row["ratio_category"] == pytest.approx(2300 / 114, rel=0.1)


def test_a_rare_hour_a_new_merchant_and_a_new_city(month):
    night = online_features(month, pay("2025-03-05T03:00:00", 110))
    assert night["hour"] > 2
    new = online_features(month, pay("2025-03-05T12:00:00", 110, merchant="Other", city="Moscow"))
    assert new["merchant_new"] > 2 and new["city_unseen"] > 2 and new["visits_city"] == 0
    assert online_features(month, pay("2025-03-05T12:00:00", 110, city=""))["city_new"] == 0


def test_a_second_city_within_minutes(month):
    past = updated(month, pay("2025-03-05T12:00:00", 110))
    soon = online_features(past, pay("2025-03-05T12:10:00", 90, city="Moscow"))
    late = online_features(past, pay("2025-03-06T13:10:00", 90, city="Moscow"))
    assert soon["impossible_travel"] > 3 and soon["minutes_since_city"] == 10 and late["impossible_travel"] == 0


def test_the_same_payment_twice(month):
    past = updated(month, pay("2025-03-05T12:00:00", 111))
    twice = online_features(past, pay("2025-03-05T12:01:30", 111))
    assert twice["repeat_payment"] > 6 and twice["minutes_since_repeat"] == 1.5
    assert online_features(past, pay("2025-03-05T12:01:30", 87))["repeat_payment"] == 0
    assert online_features(past, pay("2025-03-05T20:00:00", 111))["repeat_payment"] < twice["repeat_payment"]


def test_counts_within_windows(month):
    past = month
    for minute in range(5):
        past = updated(past, pay(f"2025-03-05T12:0{minute}:00", 20 + minute))
    row = online_features(past, pay("2025-03-05T12:05:00", 40))
    assert (row["count_10m"], row["count_1h"], row["count_same_merchant"]) == (6, 6, 6)
    assert row["burst_10m"] > 4
    assert online_features(past, pay("2025-03-05T14:00:00", 40))["count_1h"] == 1


def test_money_that_runs_off_to_new_payees(month):
    past = month
    for minute in range(3):
        past = updated(past, pay(f"2025-03-05T12:0{minute}:00", 5000, merchant=f"Payee {minute}", category="transfer"))
    row = online_features(past, pay("2025-03-05T12:05:00", 5000, merchant="Payee 9", category="transfer"))
    assert row["count_new_merchants"] == 4 and row["ratio_outflow"] > 100 and row["outflow_1h"] > 0


def test_the_first_transaction_of_a_user_gives_no_surprise():
    row = online_features(Profile().to_stored(), pay("2025-03-05T03:00:00", 1e9))
    assert max(row[name] for name in FEATURES[:6]) == 0 and row["history"] == 0


def test_who_always_does_something_is_not_surprised_by_it():
    days = pd.date_range("2025-01-01", periods=80)
    past = after(*(pay(f"{day:%Y-%m-%d}T03:00:00", 100, merchant=f"Shop {day}", city=f"City {day}") for day in days))
    row = online_features(past, pay("2025-04-05T03:00:00", 100, merchant="Another", city="Another"))
    assert row["hour"] < 0.2 and row["merchant_new"] < 0.2 and row["city_unseen"] < 0.2


def test_dates_without_hours_do_not_make_every_row_a_burst():
    days = pd.date_range("2025-01-01", periods=80).repeat(3)
    past = after(*(pay(f"{day:%Y-%m-%d}", 100 + number % 17) for number, day in enumerate(days)))
    row = online_features(after_two(past), pay("2025-04-05", 99))
    assert row["burst_10m"] < 1.5 and row["hour"] < 0.1


def after_two(past: dict) -> dict:
    return updated(updated(past, pay("2025-04-05", 120)), pay("2025-04-05", 130))


def test_the_profile_stays_small():
    past = Profile().to_stored()
    frame = pd.DataFrame(
        {
            "user_id": "U", "timestamp": pd.date_range("2025-01-01", periods=2000, freq="min"), "amount": 5.0,
            "direction": "debit", "category": "c", "merchant": [f"m{n}" for n in range(2000)], "account": "", "city": "x",
        }
    )  # fmt: skip
    past = offline_features(frame)[1]["U"]
    assert len(past["merchants"]) <= MAX_MERCHANTS and len(past["recent"]) == MAX_RECENT
    assert "-m1990" in past["merchants"] and "-m0" not in past["merchants"]
    assert past["pending"][-1][4] == "-m1999"
    assert len(json.dumps(past)) < 120_000


def test_ratio_in_other_zones_and_forms_are_the_same_parse_transaction():
    naive = parse_transaction(pay("2025-03-05T12:00:00", 1))
    assert parse_transaction(pay("2025-03-05T06:30:00+00:00", 1)) == naive
    assert parse_transaction(pay(datetime(2025, 3, 5, 6, 30, tzinfo=UTC), 1)) == naive
    assert parse_transaction(pay(pd.Timestamp("2025-03-05T12:00:00"), 1)) == naive


@pytest.mark.parametrize(
    "change", [{"timestamp": "yesterday"}, {"timestamp": None}, {"amount": 0}, {"amount": float("nan")}]
)
def test_what_cannot_be_read_is_refused(change):
    with pytest.raises(DataError):
        parse_transaction(pay("2025-03-05T12:00:00", 1) | change)


def test_names_are_compared_without_case_and_spaces(month):
    assert online_features(month, pay("2025-03-05T12:00:00", 100, merchant="  sHOP "))["merchant_new"] == 0
    odd = online_features(month, pay("2025-03-05T12:00:00", 100, merchant="चाय ☕ ₹" * 20))
    assert odd["merchant_new"] > 2


def test_names_are_compared_in_one_unicode_form(month):
    past = updated(month, pay("2025-03-05T12:00:00", 100, merchant="Cafe\u0301 Noir") | {"transaction_id": "nfd"})
    composed = pay("2025-03-07T12:00:00", 100, merchant="CAF\u00c9  Noir")
    assert online_features(past, composed)["visits_merchant"] == 1
