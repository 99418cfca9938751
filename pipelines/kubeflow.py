"""Submit, schedule, list and follow runs on Kubeflow Pipelines, at the address in KFP's own KF_PIPELINES_ENDPOINT."""

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
POLL_SECONDS = 3
PAGE_SIZE = 100  # runs in one answer of KFP
FINISHED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")

# A step's pod is the node RUN.root.STEP.executor; where retries are allowed, each name has the number of its attempt.
NODE = re.compile(r"\.(?P<step>[\w-]+)(\(\d+\))?\.executor(\((?P<retry>\d+)\))?$")
# Tasks that KFP lists beside the steps: drivers, the condition's graph, single attempts, the workflow itself (of a recurring
# run: NAME-1-285724241).
NOT_A_STEP = re.compile(r"(-driver|^executor|^root|^condition-\d+|^gate-passed|^train-.+|^.+-\d+-\d{6,}|\(.*)$")
# The same progress text reported again, with a higher fraction.
REPEATED_PROGRESS = re.compile(r"^progress \S+ (.*)\n(?=progress \S+ \1$)", re.M)
# Lines of Argo, the launcher and the executor, with the JSON that follows some of them; MLflow's links.
PLATFORM_LINES = re.compile(
    r"^(time=\S+ level=.*argo=true.*|[IWEF]\d{4} .*|\[KFP Executor .*|(🏃|🧪) View .*)\n((\{\n)?( .*\n)+\}\n)?", re.M
)


@dataclass(frozen=True)
class Step:
    """One task of a run: KFP's ``state`` (PENDING, RUNNING, SUCCEEDED, ...), times where known."""

    name: str
    state: str
    started: datetime
    ended: datetime | None
    problem: str = ""


@dataclass(frozen=True)
class Run:
    """A run of a pipeline; ``seconds`` is its duration, None while it runs."""

    id: str
    name: str
    state: str
    started: datetime
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
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it warns of each retry
        with _translate_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the oldest supported version
            logging.disable()  # a traceback for each attempt
            try:
                self.client = kfp.Client(host=host, credentials=_credentials())
            finally:
                logging.disable(logging.NOTSET)

    def submit(self, key: str, pipeline: Path, arguments: dict[str, Any], name: str = "") -> str:
        """Start a run of a compiled pipeline; returns its id. ``name`` is the run's, made of the time where not given."""
        name = name or f"{key.replace('_', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
        with _translate_errors(), contextlib.redirect_stdout(None):
            return self.client.run_pipeline(self._experiment(key), name, str(pipeline), arguments).run_id

    def find(self, key: str, name: str) -> str | None:
        """The id of the oldest run of a name, which KFP does not keep unique; None where there is none."""
        equals = {"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]}
        with _translate_errors():
            found = self.client.list_runs(
                sort_by="created_at asc", experiment_id=self._experiment(key), filter=json.dumps(equals)
            ).runs
        return next((one.run_id for one in found or []), None)

    def schedule(self, key: str, pipeline: Path, arguments: dict[str, Any], cron: str, prefix: str = "") -> str:
        """Create a recurring run that replaces the model's present one of the same prefix; returns its id.

        Args:
            key: of the model.
            pipeline: compiled.
            arguments: of each run.
            cron: six fields, seconds first, such as ``0 0 3 * * 1``.
            prefix: stands before the model's name in that of the run; "" for training.
        """
        name = f"{prefix}{key.replace('_', '-')}-recurring"
        with _translate_errors():
            experiment = self._experiment(key)
            listed = self.client.list_recurring_runs(experiment_id=experiment, page_size=100, sort_by="created_at desc")
            created = self.client.create_recurring_run(
                experiment, name, cron_expression=cron, no_catchup=True, params=arguments,
                pipeline_package_path=str(pipeline),
            )  # fmt: skip
            for old in listed.recurring_runs or []:
                if old.display_name == name and old.status == "ENABLED":
                    # Not deleted: that would kill a training that is running, and its run would never be listed as finished.
                    self.client.disable_recurring_run(old.recurring_run_id)
        return created.recurring_run_id

    def runs(self, key: str | None, limit: int) -> list[Run]:
        """The newest runs, of one model or of all."""
        with _translate_errors():
            experiment = self._experiment(key) if key else None
            found = self.client.list_runs(page_size=limit, sort_by="created_at desc", experiment_id=experiment).runs
        return [_run(one) for one in found or []]

    def read(self, run_id: str) -> tuple[Run, list[Step]]:
        """A run by its id or a prefix of it, and its steps in the order in which they started.

        Raises:
            ModelNotFound: there is no such run.
        """
        with _translate_errors():
            if len(run_id) < 36:
                known = [one.run_id for one in self._all() if one.run_id.startswith(run_id)]
                if len(known) != 1:
                    raise ModelNotFound(
                        f"{len(known)} runs have an id that starts with {run_id!r}; nivesh runs lists them"
                    )
                run_id = known[0]
            found = self.client.get_run(run_id)
        tasks = found.run_details.task_details or [] if found.run_details else []
        steps = [_step(one) for one in tasks if not NOT_A_STEP.search(one.display_name or "-driver")]
        return _run(found), sorted(steps, key=lambda one: one.started)

    def follow(self, run_id: str, progress: Callable[[float, str], None]) -> Run:
        """Wait for the end of a run; ``progress`` gets (finished fraction of the known steps, the running steps)."""
        while True:
            run, steps = self.read(run_id)
            if run.seconds is not None:
                return run
            finished = sum(step.state in FINISHED for step in steps)
            running = [step.name for step in steps if step.state == "RUNNING"]
            progress(finished / max(len(steps), 1), ", ".join(running) or "pending")
            time.sleep(POLL_SECONDS)

    def _all(self) -> Iterator[Any]:
        """Every run, the newest first."""
        page = self.client.list_runs(page_size=PAGE_SIZE, sort_by="created_at desc")
        yield from page.runs or []
        while page.next_page_token:
            page = self.client.list_runs(page.next_page_token, PAGE_SIZE, "created_at desc")
            yield from page.runs or []

    def _experiment(self, key: str) -> str:
        return self.client.create_experiment(key.replace("_", "-")).experiment_id


def logs(cluster: Cluster, run_id: str) -> Iterator[tuple[str, str]]:
    """The log of each step of a run, failed attempts included: (step, log), oldest first."""
    for pod in cluster.pods(f"pipeline/runid={run_id}"):
        node = pod["metadata"]["annotations"].get("workflows.argoproj.io/node-name", "")
        if named := NODE.search(node):
            attempt = f", attempt {int(named['retry']) + 1}" if named["retry"] not in (None, "0") else ""
            yield named["step"] + attempt, own_lines(cluster.log(pod, "main"))


def own_lines(log: str) -> str:
    """The step's own lines of a pod's log: without those of Argo and KFP, and without repeated progress."""
    return REPEATED_PROGRESS.sub("", PLATFORM_LINES.sub("", log)).strip()


def _credentials() -> Any:
    """The token of the pod's ServiceAccount, where one is mounted for KFP (multi-user mode asks for it); else None."""
    path = Path(os.environ.get(kfp.client.KF_PIPELINES_SA_TOKEN_ENV, kfp.client.KF_PIPELINES_SA_TOKEN_PATH))
    return kfp.client.ServiceAccountTokenVolumeCredentials(str(path)) if path.is_file() else None


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise ClusterError for whatever goes wrong in a call of the API."""
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


def _run(found: Any) -> Run:
    ended = found.finished_at if found.state in FINISHED else None
    return Run(
        id=found.run_id,
        name=found.display_name,
        state=found.state or "PENDING",
        started=found.created_at,
        seconds=(ended - found.created_at).total_seconds() if ended else None,
        problem=found.error.message if found.error else "",
    )


def _step(found: Any) -> Step:
    return Step(
        name=found.display_name,
        state=found.state or "PENDING",
        started=found.start_time,
        ended=found.end_time if found.state in FINISHED else None,
        problem=found.error.message if found.error else "",
    )
