import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile, Percent
from nivesh.cli.train import given, locally

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
DataPath = Annotated[str, Option(help="your file, local or s3://BUCKET/NAME; the shipped sample without it")]
Seed = Annotated[int, Option(min=0, help="draws the held-out rows")]
Registry = Annotated[str, Option(help="what stands before the images' names, such as registry.example.com/team")]


class On(StrEnum):
    local = "local"
    cluster = "cluster"


def run(
    context: Context,
    key: Annotated[str, Argument(help="the model, such as intent_classifier")],
    on: Annotated[On, Option(help="this machine, or Kubeflow Pipelines")] = On.local,
    data_path: DataPath = "",
    seed: Seed = 0,
    detach: Annotated[bool, Option("--detach", help="do not wait for the end of a run on the cluster")] = False,
    registry: Registry = "",
    dialect: DialectFile = None,
    percent: Percent = [],  # noqa: B006  typer copies it
):
    """Run a model's pipeline here or on a cluster: the same compiled YAML.

    Further options are the pipeline's (`--canary 10`) and parameters of the model's training; a wrong name lists them.
    Ctrl-C leaves a run on the cluster alone.

    **Examples**

    nivesh run credit_risk

    nivesh run credit_risk --on cluster --data-path s3://data/loans.csv --canary 10 --max-depth 3
    """
    from nivesh import models
    from nivesh.cli.progress import bar
    from nivesh.data import dialect as dialects
    from nivesh.errors import NiveshError
    from pipelines.kubeflow import Kubeflow

    key = models.get(key).key
    description = dialects.load(dialect, percent).yaml()
    if on is On.local:
        locally(key, data_path, seed, context.args, description)
        return
    kubeflow = Kubeflow()
    with tempfile.TemporaryDirectory() as folder:
        path, arguments = compiled(key, data_path, seed, context.args, registry, Path(folder), description)
        run_id = kubeflow.submit(key, path, arguments)
    out.print(f"{key}: run {run_id}", highlight=False)
    if detach:
        return
    with bar(key) as progress:
        ended = kubeflow.follow(run_id, progress)
    out.print(f"{key}: {ended.state} after {ended.seconds:.0f} s; nivesh logs {run_id[:8]}", highlight=False)
    if ended.state != "SUCCEEDED":
        raise NiveshError(f"run {run_id} of {key} has {ended.state}; nivesh logs {run_id[:8]} tells why")


def compiled(
    key: str, data_path: str, seed: int, args: list[str], registry: str, folder: Path, dialect: str = ""
) -> tuple[Path, dict]:
    """The pipeline's YAML in a folder, and its arguments for a cluster."""
    import pipelines
    from nivesh.errors import SettingsError

    if data_path and not data_path.startswith("s3://"):
        raise SettingsError(f"{data_path}: a cluster cannot read it; upload the file and give s3://BUCKET/NAME")
    arguments = pipelines.arguments(key, data_path, seed, given(args), dialect)
    return pipelines.compile_to(key, folder / f"{key}.yaml", registry), arguments
