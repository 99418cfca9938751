from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out


def compile(
    keys: Annotated[list[str] | None, Argument(help="the models; all of them without any")] = None,
    output: Annotated[Path, Option("--output", "-o", help="folder for the YAML")] = Path("compiled"),
):
    """Write the training pipelines as KFP YAML, to be uploaded to Kubeflow.

    **Examples**

    nivesh compile

    nivesh compile credit_risk -o build/pipelines
    """
    import pipelines
    from nivesh import models

    for key in keys or models.keys():
        name = models.get(key).SPEC.key
        out.print(str(pipelines.compile_to(name, output / f"{name}.yaml")), highlight=False)
