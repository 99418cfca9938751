"""Pipelines on Kubeflow: submitted, scheduled, listed. Where it is, KFP's own KF_PIPELINES_ENDPOINT says."""

import contextlib
import json
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import urllib3

from nivesh.errors import ClusterError, ModelNotFound
from nivesh.rollout.cluster import Cluster

ENDPOINT = "KF_PIPELINES_ENDPOINT"
LOOK_EVERY_SECONDS = 3
PAGE = 100  # runs that KFP lists at a time
FINISHED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")

# A step's pod is the node RUN.root.STEP.executor; where retries are allowed, each name has the number of its try.
NODE = re.compile(r"\.(?P<step>[\w-]+)(\(\d+\))?\.executor(\((?P<retry>\d+)\))?$")
# What KFP lists beside the steps: pods that only prepare, graphs, single tries, the whole workflow (of a
# recurring run: NAME-1-285724241).
NO_STEP = re.compile(
    r"(-driver|^executor|^root|^iteration|^condition-\d+|^segments|^for-loop-\d+.*|^train-.+|^.+-\d+-\d{6,}|\(.*)$"
)
# A wait is told at each look.
TOLD_AGAIN = re.compile(r"^progress \S+ (.*)\n(?=progress \S+ \1$)", re.M)
# Argo's, the launcher's and the executor's own lines, with the JSON that follows some of them; MLflow's links.
NOISE = re.compile(
    r"^(time=\S+ level=.*argo=true.*|[IWEF]\d{4} .*|\[KFP Executor .*|(🏃|🧪) View .*)\n((\{\n)?( .*\n)+\}\n)?", re.M
)


@dataclass(frozen=True)
class Step:
    """One task of a run: ``state`` as KFP says it (PENDING, RUNNING, SUCCEEDED, ...), times where known."""

    name: str
    state: str
    begun: datetime
    ended: datetime | None
    problem: str = ""


@dataclass(frozen=True)
class Run:
    """A run of a pipeline; ``seconds`` until its end, or None while it goes on."""

    id: str
    name: str
    state: str
    begun: datetime
    seconds: float | None
    problem: str = ""


class Kubeflow:
    """The pipelines' API.

    Raises:
        ClusterError: none is configured, it does not answer, or it refuses.
    """

    def __init__(self):
        host = os.environ.get(ENDPOINT)
        if not host:
            raise ClusterError(f"no Kubeflow Pipelines is configured; set {ENDPOINT}, such as http://127.0.0.1:8888")
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # each retry would be a warning
        with _answers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the oldest version that it works with
            logging.disable()  # of each try, with a traceback
            try:
                self.client = kfp.Client(host=host)
            finally:
                logging.disable(logging.NOTSET)

    def submit(self, key: str, pipeline: Path, arguments: dict[str, Any]) -> str:
        """Start a run of a compiled pipeline; returns its id."""
        name = f"{key.replace('_', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
        with _answers(), contextlib.redirect_stdout(None):
            return self.client.run_pipeline(self._experiment(key), name, str(pipeline), arguments).run_id

    def schedule(self, key: str, pipeline: Path, arguments: dict[str, Any], cron: str) -> str:
        """Make a recurring run in place of the one that a model has; returns its id.

        Args:
            cron: six fields, seconds first, such as ``0 0 3 * * 1``.
        """
        name = f"{key.replace('_', '-')}-recurring"
        with _answers():
            experiment = self._experiment(key)
            listed = self.client.list_recurring_runs(experiment_id=experiment, page_size=100, sort_by="created_at desc")
            made = self.client.create_recurring_run(
                experiment, name, cron_expression=cron, no_catchup=True, params=arguments,
                pipeline_package_path=str(pipeline),
            )  # fmt: skip
            for old in listed.recurring_runs or []:
                if old.display_name == name and old.status == "ENABLED":
                    # Not deleted: that would end a training that goes on, and its run would never be over in the list.
                    self.client.disable_recurring_run(old.recurring_run_id)
        return made.recurring_run_id

    def runs(self, key: str | None, limit: int) -> list[Run]:
        """The newest runs, of one model or of all."""
        with _answers():
            experiment = self._experiment(key) if key else None
            found = self.client.list_runs(page_size=limit, sort_by="created_at desc", experiment_id=experiment).runs
        return [_run(one) for one in found or []]

    def read(self, run_id: str) -> tuple[Run, list[Step]]:
        """A run by its id or the beginning of it, and its steps in the order in which they began.

        Raises:
            ModelNotFound: there is no such run.
        """
        with _answers():
            if len(run_id) < 36:
                known = [one.run_id for one in self._all() if one.run_id.startswith(run_id)]
                if len(known) != 1:
                    raise ModelNotFound(f"{len(known)} runs begin with {run_id!r}; nivesh runs lists them")
                run_id = known[0]
            found = self.client.get_run(run_id)
        tasks = found.run_details.task_details or [] if found.run_details else []
        steps = [_step(one) for one in tasks if not NO_STEP.search(one.display_name or "-driver")]
        return _run(found), sorted(steps, key=lambda one: one.begun)

    def follow(self, run_id: str, tell: Callable[[float, str], None]) -> Run:
        """Wait for the end of a run; ``tell`` gets (finished part of the known steps, the steps that run)."""
        while True:
            run, steps = self.read(run_id)
            if run.seconds is not None:
                return run
            done = sum(one.state in FINISHED for one in steps)
            running = [one.name for one in steps if one.state == "RUNNING"]
            tell(done / max(len(steps), 1), ", ".join(running) or "waits")
            time.sleep(LOOK_EVERY_SECONDS)

    def _all(self) -> Iterator[Any]:
        """Every run, the newest first."""
        page = self.client.list_runs(page_size=PAGE, sort_by="created_at desc")
        yield from page.runs or []
        while page.next_page_token:
            page = self.client.list_runs(page.next_page_token, PAGE, "created_at desc")
            yield from page.runs or []

    def _experiment(self, key: str) -> str:
        return self.client.create_experiment(key.replace("_", "-")).experiment_id


def logs(cluster: Cluster, run_id: str) -> Iterator[tuple[str, str]]:
    """What each step of a run has said, tries that failed too: (the step, its words), oldest first."""
    for pod in cluster.pods(f"pipeline/runid={run_id}"):
        node = pod["metadata"]["annotations"].get("workflows.argoproj.io/node-name", "")
        if named := NODE.search(node):
            again = f", try {int(named['retry']) + 1}" if named["retry"] not in (None, "0") else ""
            yield named["step"] + again, said(cluster.log(pod, "main"))


def said(log: str) -> str:
    """The step's own words in a log of Kubeflow's, once each: without those of Argo, of the launcher, and their input."""
    return TOLD_AGAIN.sub("", NOISE.sub("", log)).strip()


@contextlib.contextmanager
def _answers() -> Iterator[None]:
    """One error for all that can be wrong with the API."""
    try:
        with contextlib.redirect_stdout(None):
            yield
    except kfp_server_api.ApiException as error:
        if not error.status:
            raise ClusterError(f"Kubeflow Pipelines at {os.environ[ENDPOINT]}: {error.reason}") from None
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            raise ClusterError(f"Kubeflow Pipelines: {json.loads(error.body).get('error', error.reason)}") from None
        raise ClusterError(f"Kubeflow Pipelines: {error.status} {error.reason}") from None
    except (urllib3.exceptions.HTTPError, TimeoutError) as error:
        raise ClusterError(
            f"Kubeflow Pipelines at {os.environ[ENDPOINT]} does not answer ({type(error).__name__})"
        ) from None


def _run(found) -> Run:
    ended = found.finished_at if found.state in FINISHED else None
    return Run(
        id=found.run_id,
        name=found.display_name,
        state=found.state or "PENDING",
        begun=found.created_at,
        seconds=(ended - found.created_at).total_seconds() if ended else None,
        problem=found.error.message if found.error else "",
    )


def _step(found) -> Step:
    return Step(
        name=found.display_name,
        state=found.state or "PENDING",
        begun=found.start_time,
        ended=found.end_time if found.state in FINISHED else None,
        problem=found.error.message if found.error else "",
    )
