from datetime import UTC, datetime, timedelta

import pytest

from nivesh.monitoring.lease import LeaseLost, acquire
from nivesh.store.objects import FolderStore


class Time:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = datetime(2026, 2, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def take(tmp_path, time):
    return lambda: acquire(FolderStore(tmp_path), "retraining/credit_risk/lease", time, seconds=60)


def test_one_holds_it_until_it_is_released(take):
    first = take()
    assert take() is None
    first.release()
    second = take()
    assert second.token == first.token + 1
    assert take() is None


def test_a_killed_holder_blocks_nobody_for_longer_than_the_lease(take, time):
    first = take()
    time.pass_by(59)
    assert take() is None
    time.pass_by(1)
    second = take()
    assert second.token > first.token
    for call in (first.check, first.renew):
        with pytest.raises(LeaseLost, match="away for more than 60 s"):
            call()
    first.release()
    assert take() is None, "what was lost releases nothing"
    second.check()


def test_an_expired_lease_is_lost_even_where_nobody_has_taken_it(take, time):
    first = take()
    time.pass_by(60)
    with pytest.raises(LeaseLost):
        first.check()


def test_a_renewed_lease_lasts_from_then_on(take, time):
    first = take()
    time.pass_by(50)
    first.renew()
    time.pass_by(50)
    assert take() is None
    first.check()
    time.pass_by(10)
    assert take()


def test_it_is_renewed_while_the_work_lasts(tmp_path):
    from time import sleep

    from nivesh.monitoring.lease import utc_now

    store = FolderStore(tmp_path)
    lease = acquire(store, "lease", utc_now, seconds=0.6)
    with lease.kept():
        for _ in range(6):
            sleep(0.2)
            assert acquire(store, "lease", utc_now) is None
        lease.check()
    sleep(0.7)
    assert acquire(store, "lease", utc_now)


def test_who_slept_between_looking_and_taking_gets_nothing(tmp_path, time):
    """The number that it wants to create was used and removed meanwhile, so that its create succeeds."""
    store, slept = FolderStore(tmp_path), []

    class Sleeping(FolderStore):
        def create(self, name, data):
            if not slept:
                slept.append(name)
                for _ in range(3):
                    acquire(store, "lease", time).release()
                assert acquire(store, "lease", time).token == 4
            return super().create(name, data)

    assert acquire(Sleeping(tmp_path), "lease", time) is None
    assert slept == ["lease/00000001.json"]
    assert acquire(store, "lease", time) is None, "the fourth holds it"


def test_old_leases_do_not_pile_up(take, tmp_path):
    for _ in range(5):
        take().release()
    assert FolderStore(tmp_path).names() == ["retraining/credit_risk/lease/00000005.json"]
