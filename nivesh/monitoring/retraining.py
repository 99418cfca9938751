"""A retraining is started once for a model, its champion and a window, however often and by how many it is asked for.

    intent -> lease -> cause, cooldown, budget, data -> claim -> start -> outcome

Every arrow is one write to the ledger (``nivesh.monitoring.retraining_ledger``) that is made once. A caller that is killed
leaves what it has written; the next call continues there. Whoever starts a run asks the starter first whether it has been
started already, so that a caller killed between the start and its record does not start it again.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nivesh import models
from nivesh.errors import DataError, SettingsError
from nivesh.monitoring import lease as leases
from nivesh.monitoring.lease import LEASE_SECONDS, Clock, Lease, LeaseLost, utc_now
from nivesh.monitoring.retraining_data import Quarantined, TrainingFile, store_file
from nivesh.monitoring.retraining_ledger import CLAIM, INTENT, OUTCOME, START, Intent, Ledger
from nivesh.monitoring.starter import FAILED, PENDING, REFUSED, STARTED, SUCCEEDED, Plan, Starter
from nivesh.settings import settings
from nivesh.store.objects import ObjectStore, monitoring_store

if TYPE_CHECKING:
    from nivesh.monitoring.cause import Cause  # SciPy: half a second


def trigger_retraining_job(
    key: str,
    *,
    reason: str,
    window_start: datetime,
    window_end: datetime,
    starter: Starter,
    cause: "Cause | None" = None,
    data_path: str = "",
    requested_by: str = "",
    force: bool = False,
    store: ObjectStore | None = None,
    clock: Clock = utc_now,
    lease_seconds: float = LEASE_SECONDS,
) -> dict[str, Any]:
    """Ask for a retraining, and start it unless something is against it.

    Args:
        key: of the model.
        reason: a sentence for people.
        window_start, window_end: of the data that gave the reason, with a time zone; the end is not included.
        starter: starts the run.
        cause: why the window differs; an upstream fault quarantines it. None where a person or the calendar asks.
        data_path: the file to train on; that of NIVESH_RETRAINING_DATA where not given.
        requested_by: who asks.
        force: start it in spite of cause, cooldown and budget; not in spite of a quarantine.

    Returns:
        ``outcome``: started, refused (with ``kind``), pending (another process is at it), succeeded or failed; ``reason``,
        ``id``, ``run``, and what the intent holds.

    Raises:
        ModelNotFound: there is no such model.
        DataError: the window has no time zone or ends before it starts.
        StorageUnavailable, ClusterError: nothing is lost; call again.
    """
    key = models.get(key).key
    reference, champion_data = champion(key)
    intent = Intent(
        key=key,
        reference=reference,
        champion_data=champion_data,
        window_start=window_start,
        window_end=window_end,
        reason=reason,
        requested=clock(),
        requested_by=requested_by,
        data_path=data_path,
        force=force,
        cause=(cause.kind, cause.sentence) if cause else (),
    )
    ledger = Ledger(monitoring_store() if store is None else store, intent.key)
    record_intent(ledger, intent)
    return start_intent(ledger, intent, starter, clock, lease_seconds)


def champion(key: str) -> tuple[str, str]:
    """What a retraining is to replace: (version and digest of its bundle, sha256 of its training file); ("none", "") without.

    Raises:
        RegistryError: MLflow does not answer.
    """
    from nivesh.registry import model_registry  # MLflow, which whoever knows the champion need not wait for

    found = model_registry.by_alias(key, model_registry.CHAMPION)
    if found is None:
        return "none", ""
    digest = found.tags.get(model_registry.BUNDLE_DIGEST, "")[:12]
    return f"{model_registry.semantic_version(found)} {digest}".strip(), found.tags.get("data_sha256", "")


def record_intent(ledger: Ledger, intent: Intent) -> None:
    """Write that a retraining is asked for, once; a window of broken data is quarantined with it."""
    ledger.add(INTENT, intent.id, intent.as_dict())
    if intent.cause and intent.cause[0] == "upstream_fault":
        ledger.add_quarantine(intent.window_start, intent.window_end, intent.cause[1], intent.requested)


def start_intent(
    ledger: Ledger,
    intent: Intent,
    starter: Starter,
    clock: Clock = utc_now,
    lease_seconds: float = LEASE_SECONDS,
) -> dict[str, Any]:
    """Start a recorded retraining, or refuse it; returns as ``trigger_retraining_job``."""
    if ledger.find(START, intent.id) is None:
        lease = leases.acquire(ledger.store, f"{ledger.folder}/lease", clock, lease_seconds)
        if lease is None:
            return _result(ledger, intent, PENDING, "another process is at the retrainings of this model")
        try:
            with lease.kept():
                refusal = _start(ledger, intent, starter, clock, lease)
        except LeaseLost as error:
            return _result(ledger, intent, PENDING, str(error))
        finally:
            lease.release()
        if refusal:
            return _result(ledger, intent, REFUSED, refusal[1], kind=refusal[0])
    settle(ledger, starter, clock, intent.id)
    ended = ledger.find(OUTCOME, intent.id)
    if ended:
        return _result(ledger, intent, ended["outcome"], ended["reason"], version=ended["version"])
    return _result(ledger, intent, STARTED, intent.reason)


def settle(ledger: Ledger, starter: Starter, clock: Clock = utc_now, only: str = "") -> list[str]:
    """Record how runs have ended, all of the model or one; returns the ids of those that still run."""
    running, ended = [], set(ledger.ids(OUTCOME))
    for name in [only] if only else ledger.ids(START):
        if name in ended:
            continue
        record = ledger.find(START, name)
        found = starter.outcome(ledger.key, record["run"]) if record else None
        if found is None:
            running.append(name)
        else:
            ledger.add(OUTCOME, name, asdict(found) | {"time": clock().isoformat()})
    return running


def outcomes(key: str, store: ObjectStore | None = None) -> dict[str, int]:
    """How many retrainings of a model were started, refused, and ended in which way; the gate's refusals count as refused."""
    ledger = Ledger(monitoring_store() if store is None else store, key)
    started = set(ledger.ids(START))
    refused = {name.partition("/")[0] for name in ledger.ids("refusals")} - started
    ended = [record["outcome"] for record in ledger.records(OUTCOME).values()]
    return {
        STARTED: len(started),
        REFUSED: len(refused) + ended.count(REFUSED),
        SUCCEEDED: ended.count(SUCCEEDED),
        FAILED: ended.count(FAILED),
    }


def _start(ledger: Ledger, intent: Intent, starter: Starter, clock: Clock, lease: Lease) -> tuple[str, str] | None:
    """Start what was claimed and not started, then this intent; (kind, reason) where it is refused."""
    claims, started = ledger.ids(CLAIM), set(ledger.ids(START))
    for name in claims:
        if name not in started:  # its caller was killed
            _start_claimed(ledger, name, starter, clock, lease)
    if intent.id in claims:
        return None
    if refusal := _refusal(ledger, intent, starter, clock()):
        ledger.refuse(intent.id, *refusal, clock())
        return refusal
    try:
        file = _training_file(ledger, intent)
        starter.check(_plan(ledger, intent.id, file.address))
    except (Quarantined, DataError, SettingsError) as error:
        refusal = ("quarantine" if isinstance(error, Quarantined) else "data", str(error))
    else:
        refusal = _nothing_new(intent, file)
    if refusal:
        ledger.refuse(intent.id, *refusal, clock())
        return refusal
    claim = {"time": clock().isoformat(), "token": lease.token, "reason": intent.reason} | asdict(file)
    lease.check()
    ledger.add(CLAIM, intent.id, claim)
    _start_claimed(ledger, intent.id, starter, clock, lease)
    return None


def _start_claimed(ledger: Ledger, name: str, starter: Starter, clock: Clock, lease: Lease) -> None:
    """Start a claimed retraining, unless it has been started, and record the run."""
    claim = ledger.find(CLAIM, name)
    assert claim is not None
    plan = _plan(ledger, name, claim["address"])
    run = starter.find(plan)
    if run is None:
        lease.check()
        run = starter.start(plan)
    ledger.add(START, name, {"run": run, "time": clock().isoformat(), "token": lease.token})


def _plan(ledger: Ledger, name: str, data_path: str) -> Plan:
    return Plan(ledger.key, f"{ledger.key.replace('_', '-')}-retrain-{name.lower()}", data_path)


def _refusal(ledger: Ledger, intent: Intent, starter: Starter, now: datetime) -> tuple[str, str] | None:
    """What is against starting a retraining now: (kind, reason), or None."""
    if running := settle(ledger, starter, lambda: now):
        return "running", f"retraining {running[0]} has not ended yet"
    if intent.force:
        return None
    if intent.cause and intent.cause[0] != "quality_drop":
        return intent.cause[0], intent.cause[1]
    current = settings()
    times = sorted(datetime.fromisoformat(one["time"]) for one in ledger.records(CLAIM).values())
    cooldown = timedelta(hours=current.retraining_cooldown)
    if times and now - times[-1] < cooldown:
        return "cooldown", (
            f"the last retraining was started at {times[-1]:%Y-%m-%d %H:%M} UTC; the next one may be from "
            f"{times[-1] + cooldown:%Y-%m-%d %H:%M} (NIVESH_RETRAINING_COOLDOWN={current.retraining_cooldown:g} hours)"
        )
    spent = sum((time.year, time.month) == (now.year, now.month) for time in times)
    if spent >= current.retraining_budget:
        return "budget", (
            f"{spent} retrainings were started in {now:%B %Y}, of {current.retraining_budget} "
            "(NIVESH_RETRAINING_BUDGET)"
        )
    return None


def _training_file(ledger: Ledger, intent: Intent) -> TrainingFile:
    source = intent.data_path or settings().retraining_data.replace("{key}", ledger.key)
    if not source:
        raise SettingsError(
            "a retraining needs a file with new labels: set NIVESH_RETRAINING_DATA, such as s3://data/{key}.csv, or give "
            "data_path"
        )
    return store_file(ledger, source, intent.window_start, intent.window_end)


def _nothing_new(intent: Intent, file: TrainingFile) -> tuple[str, str] | None:
    """A model that is trained on the champion's own file would be the champion again."""
    if intent.champion_data != file.sha256:
        return None
    return "same_data", f"the file is the one that {intent.reference} was trained on (sha256 {file.sha256[:12]})"


def _result(ledger: Ledger, intent: Intent, outcome: str, reason: str, **more: str) -> dict[str, Any]:
    started = ledger.find(START, intent.id) or {}
    return {
        "outcome": outcome,
        "reason": reason,
        "id": intent.id,
        "run": started.get("run", ""),
        "key": intent.key,
        "reference": intent.reference,
        "window_start": intent.window_start.isoformat(),
        "window_end": intent.window_end.isoformat(),
    } | more
