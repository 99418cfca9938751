"""The guide's ``trigger_retraining_job``: a retraining that is started once, on this machine or as a run of Kubeflow.

    from nivesh import trigger_retraining_job
    trigger_retraining_job("credit_risk", reason="the accuracy has dropped", window_start=start, window_end=end)

What is started, and what is refused, is decided in ``nivesh.monitoring.retraining``; here it is done.
"""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pipelines
from nivesh import models
from nivesh.errors import SettingsError
from nivesh.monitoring import retraining
from nivesh.monitoring.cause import Cause
from nivesh.monitoring.lease import utc_now
from nivesh.monitoring.starter import FAILED, REFUSED, SUCCEEDED, Outcome, Plan, Starter
from nivesh.settings import settings
from pipelines import local
from pipelines.kubeflow import ENDPOINT, Kubeflow

LOCAL, CLUSTER = "local", "cluster"
WINDOW = timedelta(days=7)


def trigger_retraining_job(
    key: str,
    *,
    reason: str,
    window_start: datetime | None = None,
    window_end: datetime | None = None,
    cause: Cause | None = None,
    data_path: str = "",
    requested_by: str = "",
    force: bool = False,
    on: str = "",
    registry: str = "",
    progress: local.Progress = lambda step, fraction, text: None,
) -> dict[str, Any]:
    """Ask for a retraining of a model, and start it unless something is against it.

    It is started once for a model, its champion and a window, however often and by however many it is asked for. On this
    machine it is trained before the call returns.

    Args:
        key: of the model.
        reason: a sentence for people.
        window_start, window_end: of the data that gave the reason, with a time zone; the last seven whole days (UTC) where
            not given.
        cause: why the window differs; None where a person or the calendar asks.
        data_path: the file with the new labels, a path or s3://BUCKET/NAME; that of NIVESH_RETRAINING_DATA where not given.
        requested_by: who asks.
        force: start it in spite of cause, cooldown and budget; not in spite of a quarantine.
        on: local or cluster; a cluster where KF_PIPELINES_ENDPOINT is set.
        registry: of the images on a cluster, such as registry.example.com/team.
        progress: gets (step, finished fraction, text) of a training on this machine.

    Returns:
        ``outcome``: started, refused, pending (another process is at it), succeeded or failed; ``reason``, ``id``, ``run``,
        and the window.

    Raises:
        ModelNotFound: there is no such model.
        DataError: the window has no time zone or ends before it starts.
        StorageUnavailable, ClusterError, RegistryError: nothing is lost; call again.
    """
    start, end = last_window(window_start, window_end)
    return retraining.trigger_retraining_job(
        key,
        reason=reason,
        window_start=start,
        window_end=end,
        starter=starter(on, registry, progress),
        cause=cause,
        data_path=data_path,
        requested_by=requested_by,
        force=force,
    )


def last_window(start: datetime | None = None, end: datetime | None = None) -> tuple[datetime, datetime]:
    """A window: the seven whole days (UTC) before today, or before the given end."""
    end = end or utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    return start or end - WINDOW, end


def starter(on: str = "", registry: str = "", progress: local.Progress = lambda step, fraction, text: None) -> Starter:
    """What starts runs here.

    Raises:
        SettingsError: ``on`` is neither local nor cluster.
    """
    on = on or (CLUSTER if os.environ.get(ENDPOINT) else LOCAL)
    if on not in (LOCAL, CLUSTER):
        raise SettingsError(f"on={on!r} must be {LOCAL} or {CLUSTER}")
    return LocalStarter(progress) if on == LOCAL else ClusterStarter(registry)


class LocalStarter:
    """Trains in this process. A training that was killed is done again, under the same id in MLflow.

    Its result is kept in NIVESH_HOME/runs/NAME.json.
    """

    def __init__(self, progress: local.Progress = lambda step, fraction, text: None):
        self.progress = progress

    def check(self, plan: Plan) -> None:
        models.get(plan.key).require_settings()

    def find(self, plan: Plan) -> str | None:
        return plan.name if self._path(plan.name).exists() else None

    def start(self, plan: Plan) -> str:
        try:
            result = local.run(plan.key, _arguments(plan), self.progress, run_id=plan.name)
        except local.StepFailed as error:
            ended = Outcome(FAILED, str(error))
        else:
            ended = Outcome(
                SUCCEEDED if result.verdict["passed"] else REFUSED, result.verdict["reason"], result.version
            )
        path = self._path(plan.name)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(ended)))
        draft.replace(path)
        return plan.name

    def outcome(self, key: str, run: str) -> Outcome | None:
        path = self._path(run)
        return Outcome(**json.loads(path.read_text())) if path.exists() else None

    def _path(self, name: str) -> Path:
        return settings().home.resolve() / "runs" / f"{name}.json"


class ClusterStarter:
    """Starts runs of Kubeflow Pipelines, which are found again by their name.

    Args:
        registry: of the images.
        connect: gives the client, when it is first needed.
    """

    def __init__(self, registry: str = "", connect: Callable[[], Kubeflow] = Kubeflow):
        self.registry, self.connect = registry, connect

    def check(self, plan: Plan) -> None:
        if not plan.data_path.startswith("s3://"):
            raise SettingsError(
                f"{plan.data_path}: a cluster cannot read it; set NIVESH_MONITORING_STORE, such as s3://monitoring"
            )
        if (golden := _golden_set(plan.key)) and not golden.startswith("s3://"):
            raise SettingsError(
                f"NIVESH_GOLDEN_SET={golden}: a cluster cannot read it; upload it and give s3://BUCKET/NAME"
            )

    def find(self, plan: Plan) -> str | None:
        return self.connect().find(plan.key, plan.name)

    def start(self, plan: Plan) -> str:
        with tempfile.TemporaryDirectory() as folder:
            compiled = pipelines.compile_to(plan.key, Path(folder) / f"{plan.key}.yaml", self.registry)
            return self.connect().submit(plan.key, compiled, _arguments(plan), name=plan.name)

    def outcome(self, key: str, run: str) -> Outcome | None:
        found, steps = self.connect().read(run)
        if found.seconds is None:
            return None
        if found.state != "SUCCEEDED":
            return Outcome(FAILED, found.problem or f"the run has {found.state}; see nivesh logs {run[:8]}")
        passed = any(step.name == "register" for step in steps)
        reason, version = _decision(key, run)
        return Outcome(SUCCEEDED if passed else REFUSED, reason, version)


def _arguments(plan: Plan) -> dict[str, Any]:
    """The parameters of a retraining: on newer data a model that is as good as the champion is wanted too."""
    golden = _golden_set(plan.key)
    return pipelines.arguments(
        plan.key, plan.data_path, 0, {"accept_equal": True} | ({"golden_path": golden} if golden else {})
    )


def _golden_set(key: str) -> str:
    return settings().golden_set.replace("{key}", key)


def _decision(key: str, run: str) -> tuple[str, str]:
    """The gate's reason and the registered version, from MLflow where it can be reached from here."""
    if not settings().tracking_uri:
        return "the gate's reason is in MLflow; set MLFLOW_TRACKING_URI", ""
    from nivesh.registry.decisions import decisions

    found = next((one for one in decisions(key) if one.pipeline_run == run), None)
    return (found.reason, found.version) if found else ("", "")
