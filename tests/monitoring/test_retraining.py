"""Retraining against a real ledger on disk: once for each window, whoever is killed where."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from nivesh import data
from nivesh.errors import DataError, ModelNotFound, StorageUnavailable
from nivesh.monitoring import retraining
from nivesh.monitoring.cause import Cause
from nivesh.monitoring.lease import acquire
from nivesh.monitoring.retraining import trigger_retraining_job
from nivesh.monitoring.retraining_ledger import Intent, Ledger
from nivesh.store.objects import FolderStore
from tests.monitoring.file_starter import FileStarter
from tests.monitoring.test_lease import Time

START, END = datetime(2026, 1, 25, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
DROP = Cause("quality_drop", "auc is 0.79")


@pytest.fixture
def case(home, tmp_path, monkeypatch):
    return Case(tmp_path, monkeypatch)


class Case:
    """A model, its ledger, a clock, a file to train on, and a starter whose starts are counted."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch, self.time = folder, monkeypatch, Time()
        self.store, self.starter = FolderStore(folder / "store"), FileStarter(folder / "starts")
        self.ledger = Ledger(self.store, "credit_risk")
        self.file = folder / "loans.csv"
        self.file.write_text("age\n30\n")
        self.set_champion("1.0.0 abc", "")
        self.set("NIVESH_RETRAINING_DATA", str(folder / "loans.csv"))

    def set_champion(self, reference, data_sha256):
        self.monkeypatch.setattr(retraining, "champion", lambda key: (reference, data_sha256))

    def set(self, name, value):
        self.monkeypatch.setenv(name, value)

    def trigger(self, days=0, key="credit_risk", **changes):
        arguments = {
            "reason": "the accuracy is below its interval", "window_start": START + timedelta(days=days),
            "window_end": END + timedelta(days=days), "starter": self.starter, "cause": DROP, "store": self.store,
            "clock": self.time,
        }  # fmt: skip
        return trigger_retraining_job(key, **arguments | changes)

    def end_runs(self):
        (self.folder / "ended").touch()


def test_a_window_is_trained_on_once_however_often_it_is_asked_for(case):
    first = case.trigger()
    assert (first["outcome"], first["run"]) == ("started", f"credit-risk-retrain-{first['id'].lower()}")
    for days in (0, 1, 40):
        case.time.pass_by(days * 86_400)
        assert case.trigger(reason="asked again")["outcome"] == "started"
    assert len(case.starter.starts()) == 1
    case.end_runs()
    assert case.trigger() == first | {"outcome": "succeeded", "reason": "better", "version": "1.1.0"}
    assert len(case.starter.starts()) == 1


def test_the_run_gets_the_file_under_its_digest(case):
    import hashlib

    case.trigger()
    digest = hashlib.sha256(b"age\n30\n").hexdigest()
    path = case.starter.starts()[0].split()[2]
    assert path.endswith(f"retraining/credit_risk/data/{digest}/loans.csv")
    case.file.write_text("age\n31\n")
    assert Path(path).read_text() == "age\n30\n", "whoever overwrites the file does not change what is trained on"


def test_another_champion_or_window_is_another_retraining(case):
    case.set("NIVESH_RETRAINING_COOLDOWN", "0")
    case.end_runs()
    first = case.trigger()
    assert case.trigger(days=7)["id"] != first["id"]
    case.set_champion("1.1.0 def", "")
    assert case.trigger()["id"] != first["id"]
    assert len(case.starter.starts()) == 3


def test_cooldown_and_its_end(case):
    case.end_runs()
    case.trigger()
    case.time.pass_by(23 * 3600)
    refused = case.trigger(days=1)
    assert (refused["outcome"], refused["kind"]) == ("refused", "cooldown")
    assert "2026-02-01 00:00 UTC; the next one may be from 2026-02-02 00:00" in refused["reason"]
    assert [one["kind"] for one in case.ledger.refusals(refused["id"])] == ["cooldown"]
    case.time.pass_by(3600)
    assert case.trigger(days=1)["outcome"] == "succeeded"
    assert len(case.starter.starts()) == 2


def test_the_budget_is_of_a_calendar_month(case):
    case.end_runs()
    case.set("NIVESH_RETRAINING_COOLDOWN", "0")
    case.set("NIVESH_RETRAINING_BUDGET", "2")
    found = [case.trigger(days=days)["outcome"] for days in range(4)]
    assert found == ["succeeded", "succeeded", "refused", "refused"]
    refused = case.trigger(days=3)
    assert refused["kind"] == "budget"
    assert refused["reason"] == "2 retrainings were started in February 2026, of 2 (NIVESH_RETRAINING_BUDGET)"
    case.time.pass_by(28 * 86_400)
    assert case.trigger(days=3)["outcome"] == "succeeded"
    case.set("NIVESH_RETRAINING_BUDGET", "0")
    assert case.trigger(days=9)["kind"] == "budget"


def test_a_person_can_force_it_past_cooldown_and_budget(case):
    case.end_runs()
    case.trigger()
    case.set("NIVESH_RETRAINING_BUDGET", "1")
    assert case.trigger(days=1)["outcome"] == "refused"
    assert case.trigger(days=2, force=True, cause=None)["outcome"] == "succeeded"


def test_while_a_run_lasts_no_other_is_started(case):
    case.trigger()
    case.time.pass_by(30 * 3600)
    for force in (False, True):
        assert case.trigger(days=1, force=force)["kind"] == "running"
    case.end_runs()
    assert case.trigger(days=1)["outcome"] == "succeeded"


@pytest.mark.parametrize("kind", ["harmless_drift", "none", "unknown"])
def test_without_harm_nothing_is_trained(case, kind):
    refused = case.trigger(cause=Cause(kind, "monthly_income: median 80,000"))
    assert (refused["outcome"], refused["kind"], refused["reason"]) == (
        "refused",
        kind,
        "monthly_income: median 80,000",
    )
    assert case.starter.starts() == []
    assert case.ledger.quarantined() == []


def test_a_refused_window_is_trained_on_when_labels_show_harm(case):
    case.trigger(cause=Cause("harmless_drift", "the quality is not known yet"))
    assert case.trigger(cause=DROP)["outcome"] == "started"


def test_broken_data_are_quarantined_and_no_window_with_them_is_trained_on(case):
    fault = Cause("upstream_fault", "broken data: monthly_income is missing in all rows")
    assert case.trigger(cause=fault)["kind"] == "upstream_fault"
    for days in (-6, 0, 6):
        for force in (False, True):
            refused = case.trigger(days=days, force=force)
            assert refused["kind"] in ("quarantine", "upstream_fault")
    assert "2026-01-25 00:00 to 2026-02-01 00:00 UTC is quarantined (broken data: monthly_income" in refused["reason"]
    assert case.starter.starts() == []
    with pytest.raises(DataError, match="is not quarantined; quarantined are: 20260125T000000Z-20260201T000000Z"):
        case.ledger.release_quarantine(START, END + timedelta(1), "", case.time())
    case.ledger.release_quarantine(START, END, "the export was repaired", case.time())
    assert case.trigger(days=1)["outcome"] == "started"


def test_a_window_beside_the_quarantined_one_is_free(case):
    case.trigger(cause=Cause("upstream_fault", "broken"))
    assert case.trigger(days=7)["outcome"] == "started"


def test_rows_of_a_quarantined_window_are_left_out_where_rows_have_a_time(case):
    rows = data.read("transactions")
    start, end = datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 9, 8, tzinfo=UTC)
    kept = {"window_start": start, "window_end": end, "key": "spending_predictor"}
    case.set("NIVESH_RETRAINING_DATA", str(data.sample("transactions")))
    broken = Cause("upstream_fault", "broken data: amount")
    case.trigger(**kept | {"window_start": start + timedelta(2), "window_end": start + timedelta(3)}, cause=broken)
    assert case.trigger(**kept)["outcome"] == "started"
    path = case.starter.starts()[0].split()[2]
    trained = data.read("transactions", path)
    first, last = pd.Timestamp("2025-09-03 05:30"), pd.Timestamp("2025-09-04 05:30")  # Indian time of midnight UTC
    expected = rows[(rows["timestamp"] < first) | (rows["timestamp"] >= last)]
    assert 0 < len(expected) < len(rows)
    pd.testing.assert_frame_equal(trained, expected.reset_index(drop=True))
    case.trigger(**kept, cause=Cause("upstream_fault", "all of it"))
    case.set_champion("1.1.0", "")
    refused = case.trigger(**kept, force=True)
    assert refused["kind"] == "running"
    case.end_runs()
    assert "all of the window is quarantined" in case.trigger(**kept, force=True)["reason"]


def test_the_champions_own_file_is_not_trained_on_again(case):
    import hashlib

    case.set_champion("1.0.0", hashlib.sha256(case.file.read_bytes()).hexdigest())
    refused = case.trigger()
    assert refused["kind"] == "same_data" and "1.0.0 was trained on" in refused["reason"]
    case.file.write_text("age\n30\n31\n")
    assert case.trigger()["outcome"] == "started"


def test_the_file_must_be_there_and_be_no_prediction_log(case, home):
    case.set("NIVESH_RETRAINING_DATA", "")
    assert "set NIVESH_RETRAINING_DATA" in case.trigger()["reason"]
    assert "no such file" in case.trigger(days=1, data_path="/nowhere/loans.csv")["reason"]
    (home / "predictions").mkdir(parents=True)
    (home / "predictions" / "answers.csv").write_text("age\n30\n")
    refused = case.trigger(days=2, data_path=str(home / "predictions" / "answers.csv"))
    assert (refused["kind"], case.starter.starts()) == ("data", [])
    assert "own answers, which are no labels" in refused["reason"]
    case.set("NIVESH_PREDICTION_STORE", "s3://predictions/nivesh")
    assert "own answers" in case.trigger(days=3, data_path="s3://predictions/nivesh/a.parquet")["reason"]


def test_what_cannot_be_started_here_is_refused_before_it_is_claimed(case):
    odd = case.folder / "loans.unreadable"
    odd.write_text("age\n30\n")
    refused = case.trigger(data_path=str(odd))
    assert refused["kind"] == "data" and "cannot be read here" in refused["reason"]
    assert case.ledger.ids("claims") == []
    assert retraining.outcomes("credit_risk", case.store) == {"started": 0, "refused": 1, "succeeded": 0, "failed": 0}
    assert case.trigger(days=1)["outcome"] == "started"
    case.end_runs()
    case.trigger(days=1)
    assert retraining.outcomes("credit_risk", case.store) == {"started": 1, "refused": 1, "succeeded": 1, "failed": 0}


def test_what_cannot_be_a_retraining_is_an_error(case):
    with pytest.raises(ModelNotFound):
        case.trigger(key="no_such_model")
    with pytest.raises(DataError, match="has no time zone"):
        case.trigger(window_start=datetime(2026, 1, 1))
    with pytest.raises(DataError, match="not after its start"):
        case.trigger(window_start=END)
    assert case.store.names() == []


class Killed(BaseException):
    """No handler of the code may catch it, as none runs after SIGKILL."""


DEATHS = [(number, before) for number in range(1, 20) for before in (True, False)]


class Dying(FolderStore):
    """A store whose process is killed at its nth write, before or after it; after that nothing is written."""

    def __init__(self, folder, at, before):
        super().__init__(folder)
        self.writes, self.at, self.before, self.dead = 0, at, before, False

    def _die(self, doing, *arguments):
        if self.dead:
            raise Killed
        self.writes += 1
        self.dead = self.writes == self.at
        if self.dead and self.before:
            raise Killed
        answer = doing(*arguments)
        if self.dead:
            raise Killed
        return answer

    def create(self, name, data):
        return self._die(super().create, name, data)

    def write(self, name, data):
        return self._die(super().write, name, data)

    def delete(self, name):
        return self._die(super().delete, name)


def test_a_caller_killed_at_any_write_is_repeated_and_nothing_is_done_twice(case):
    for number, before in DEATHS:
        folder = case.folder / f"{number}-{before}"
        folder.mkdir()
        starter = FileStarter(folder / "starts")
        store = Dying(folder / "store", number, before)
        try:
            case.trigger(store=store, starter=starter)
        except Killed:
            pass
        else:
            break
        alive = FolderStore(folder / "store")
        assert case.trigger(store=alive, starter=starter)["outcome"] in ("pending", "started")
        case.time.pass_by(700)  # the lease of the killed one has expired
        assert case.trigger(store=alive, starter=starter)["outcome"] == "started"
        assert len(starter.starts()) == 1
        names = [name.split("/")[2] for name in alive.names("retraining/credit_risk/")]
        assert sorted(names) == ["claims", "data", "intents", "lease", "starts"]
    assert number == 7, "intent, lease, file, claim, start, release: each was killed before and after"


def test_a_caller_killed_while_it_refuses_is_repeated(case):
    for number, before in DEATHS:
        store = Dying(case.folder / f"{number}-{before}", number, before)
        arguments = {"cause": Cause("upstream_fault", "broken")}
        try:
            case.trigger(store=store, **arguments)
        except Killed:
            pass
        else:
            break
        alive = FolderStore(store.folder)
        case.time.pass_by(700)
        assert case.trigger(store=alive, **arguments)["kind"] == "upstream_fault"
        ledger = Ledger(alive, "credit_risk")
        assert len(ledger.quarantined()) == 1
        assert ledger.open_ids() == []
    assert number == 6
    assert case.starter.starts() == []


def test_what_a_killed_caller_claimed_is_started_by_the_next_one_whatever_it_wants(case):
    store = Dying(case.folder / "store", 4, before=False)  # after the claim
    with pytest.raises(Killed):
        case.trigger(store=store)
    assert case.starter.starts() == []
    assert len(case.ledger.open_ids()) == 1
    case.time.pass_by(700)
    assert case.trigger(days=1)["kind"] == "running"
    assert len(case.starter.starts()) == 1
    assert case.trigger()["outcome"] == "started"
    assert case.ledger.open_ids() == []


def test_a_stale_holder_starts_nothing(case):
    """It sleeps after its checks of cooldown and budget; meanwhile another one takes the lease and starts the run."""
    other = []

    class Sleepy(FileStarter):
        def find(self, plan):
            found = super().find(plan)
            if not other:
                other.append(True)
                case.time.pass_by(700)
                other.append(case.trigger()["outcome"])
            return found

    assert case.trigger(starter=Sleepy(case.folder / "starts"))["outcome"] in ("pending", "started")
    assert other == [True, "started"]
    assert len(case.starter.starts()) == 1


def test_a_held_lease_is_pending_and_nothing_is_lost(case):
    lease = acquire(case.store, "retraining/credit_risk/lease", case.time)
    pending = case.trigger()
    assert pending["outcome"] == "pending"
    assert case.ledger.open_ids() == [pending["id"]]
    lease.release()
    assert case.trigger()["outcome"] == "started"


def test_a_start_that_fails_is_tried_again_without_waiting(case):
    class Away(FileStarter):
        def start(self, plan):
            raise StorageUnavailable("Kubeflow is away")

    with pytest.raises(StorageUnavailable):
        case.trigger(starter=Away(case.folder / "starts"))
    assert case.trigger()["outcome"] == "started"
    assert len(case.starter.starts()) == 1


def test_an_intent_is_read_as_it_was_written(case):
    found = case.trigger(requested_by="asha", data_path=str(case.file))
    intent = case.ledger.intent(found["id"])
    assert (intent.requested_by, intent.window_end, intent.cause) == ("asha", END, ("quality_drop", "auc is 0.79"))
    assert intent.id == found["id"] == Intent.from_dict(json.loads(json.dumps(intent.as_dict()))).id
    with pytest.raises(DataError, match="no retraining x was asked for"):
        case.ledger.intent("x")
