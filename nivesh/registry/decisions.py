"""What the gate decided on every training, registered or not, from MLflow's runs."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow.entities import Run

from nivesh.registry.experiments import client, find_experiment
from nivesh.registry.model_registry import RUN_TAG, semantic_version, versions
from nivesh.registry.tracking import LAST_ERROR, STEP

PASSED, REFUSED, FAILED = "passed", "refused", "failed"


@dataclass(frozen=True)
class Decision:
    """One training.

    Attributes:
        time: its start, UTC.
        outcome: passed, refused or failed; "" while it runs.
        reason: of the gate, or the error.
        version: the registered version, "" where there is none.
        champion: the version that it was compared with, "" for none.
        champion_value: that version's primary metric on the same rows, "" where not measured.
        metrics: the challenger's numbers.
        data_source: the file that it was trained on.
        pipeline_run: id of the pipeline's run.
    """

    time: datetime
    outcome: str
    reason: str
    version: str
    champion: str
    champion_value: str
    metrics: dict[str, float]
    data_source: str
    pipeline_run: str


def decisions(key: str) -> list[Decision]:
    """The trainings of a model, newest first."""
    experiment = find_experiment(key)
    if experiment is None:
        return []
    registered = {version.tags.get(RUN_TAG, ""): semantic_version(version) for version in versions(key)}
    runs = client().search_runs(
        [experiment], f"tags.{STEP} = 'pipeline'", order_by=["attributes.start_time DESC"], max_results=1000
    )
    return [_decision(run, registered) for run in runs]


def _decision(run: Run, registered: dict[str, str]) -> Decision:
    tags = run.data.tags
    error = tags.get(LAST_ERROR, "") if run.info.status == "FAILED" else ""
    return Decision(
        time=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        outcome=FAILED if error else tags.get("gate", ""),
        reason=error or tags.get("gate_reason", ""),
        version=registered.get(tags.get(RUN_TAG, ""), ""),
        champion=tags.get("champion", ""),
        champion_value=tags.get("champion_value", ""),
        metrics=run.data.metrics,
        data_source=tags.get("data_source", ""),
        pipeline_run=tags.get(RUN_TAG, ""),
    )
